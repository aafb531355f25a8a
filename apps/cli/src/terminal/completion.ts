import type { Command, Option } from 'commander';

/** Scripts that ask this program for what may follow. */
export const COMPLETIONS: Readonly<Record<string, string>> = {
  bash: `_fornax() {
  local IFS=$'\\n'
  COMPREPLY=($(fornax __complete "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null))
}
complete -o default -F _fornax fornax`,
  zsh: `#compdef fornax
_fornax() {
  local -a found
  found=("\${(@f)$(fornax __complete "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  if [[ -n "\${found[1]}" ]]; then compadd -- "\${found[@]}"; else _files; fi
}
compdef _fornax fornax`,
  fish: `complete -c fornax -a '(fornax __complete (commandline -opc)[2..] (commandline -ct) 2>/dev/null)'`,
};

const optionOf = (command: Command, word: string | undefined): Option | undefined =>
  command.options.find(({ long, short }) => word !== undefined && (long === word || short === word));

/**
 * What the last word may become: commands, options, and values that an option or an argument chooses from. Nothing where a file or a name is meant.
 * @param words of the line, without the program; the last one is being typed
 */
export const candidates = (program: Command, words: readonly string[]): readonly string[] => {
  const typed = words.at(-1) ?? '';
  let command = program;
  for (const word of words.slice(0, -1)) {
    const child = command.commands.find((one) => one.name() === word);
    if (child) command = child;
  }
  const before = optionOf(command, words.at(-2));
  const values = before && (before.required || before.optional) ? (before.argChoices ?? []) : undefined;
  const names = command.commands.map((child) => child.name());
  const chosen = command.registeredArguments.flatMap(({ argChoices }) => argChoices ?? []);
  const all =
    values ??
    (typed.startsWith('-') ? [...command.options.flatMap(({ long }) => long ?? []), '--help'] : [...names, ...chosen]);
  return all.filter((one) => one.startsWith(typed));
};
