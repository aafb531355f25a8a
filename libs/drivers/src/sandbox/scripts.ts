/**
 * The shell parts of the sandbox. They are constants: what users write reaches them as arguments or as values of variables,
 * never as text of a script. POSIX sh, so that dash, bash and busybox do.
 */

/**
 * Writes its number into files (where the warden finds it, and of control groups to join), then becomes the rest.
 * Not after its deadline: an agent that was paused right before this start must not run what is somebody else's by now.
 * Arguments: hundredths of a second of uptime or '-', files, `--`, command.
 */
export const ENTER = `
if [ "$1" != - ]; then
  read -r now _ < /proc/uptime
  [ "\${now%.*}\${now#*.}" -lt "$1" ] || { echo 'this node has not heard from the platform for too long' >&2; exit 125; }
fi
shift
while [ "$1" != -- ]; do echo $$ > "$1" || exit 125; shift; done
shift
exec "$@"
`;

/**
 * First process of an instance's namespace: makes the mounts, runs the command as a child, passes signals on, tells how it ended.
 * Arguments: fstab or '-', working directory, what \`kill\` aims at ('-1': everything in the namespace; 'group': the process group), command.
 * Descriptor 3 brings signal names, one a line; its end means that the agent is dead, and then all must die.
 * Descriptor 4 takes "started", later "exit <code>" and the output of \`times\`.
 */
export const RUN = `
if [ "$1" != - ]; then mount -a -T "$1" || exit 125; fi
cd "$2" || exit 125
aim=$3
[ "$aim" != group ] || aim=-$$
shift 3
trap : TERM
echo started >&4
"$@" 3<&- 4>&- &
child=$!
( trap '' TERM; while read -r signal; do kill -s "$signal" -- "$aim"; done; kill -s KILL -- "$aim" ) <&3 >/dev/null 2>&1 4>&- &
{ wait "$child"; code=$?; while kill -0 "$child"; do wait "$child"; code=$?; done; } 2>/dev/null
echo "exit $code" >&4
times >&4
exit "$code"
`;

/**
 * Last step, already without privileges: takes the environment out of the variables FX_0, FX_1, ... (each holds NAME=value)
 * and becomes the command. So a constant named LD_PRELOAD or PATH never reaches the privileged steps before.
 * Argument: how many, command.
 */
export const BECOME = `
fx_count=$1
shift
unset LC_ALL
fx_at=0
while [ "$fx_at" -lt "$fx_count" ]; do
  eval "fx_entry=\\$FX_$fx_at; unset FX_$fx_at"
  command export "$fx_entry" 2>/dev/null || :
  fx_at=$((fx_at + 1))
done
unset fx_at fx_count fx_entry OLDPWD
exec "$@"
`;

/**
 * Builds, once per agent, the root file system that all instances share, and keeps it alive until its input ends.
 * Arguments: folder for the new root, folder of instances, pivot_root program, device names, \`--\`, top-level folders, \`--\`,
 * folders to hide, \`--\`, folders to show again. Everything but /.fornax is read-only in the end.
 */
export const HOLD = `
set -eu
new=$1; instances=$2; pivot=$3; shift 3
mount -t tmpfs -o mode=755,size=1m fornax "$new"
cd "$new"
mkdir -m 755 job proc sys dev tmp run .old
mkdir -m 700 .fornax
mount --bind "$instances" .fornax
mount -t tmpfs -o mode=755,size=64k,nosuid fornax dev
mkdir dev/shm dev/pts
ln -s /proc/self/fd dev/fd; ln -s fd/0 dev/stdin; ln -s fd/1 dev/stdout; ln -s fd/2 dev/stderr; ln -s pts/ptmx dev/ptmx
while [ "$1" != -- ]; do : > "dev/$1"; mount --bind "/dev/$1" "dev/$1"; shift; done; shift
while [ "$1" != -- ]; do
  if [ -L "$1" ]; then ln -s "$(readlink "$1")" ".$1"; else mkdir ".$1"; mount --rbind "$1" ".$1"; fi
  shift
done; shift
mount --rbind /sys sys
mount --rbind /proc proc
while [ "$1" != -- ]; do [ ! -d ".$1" ] || mount -t tmpfs -o mode=711,size=64k fornax ".$1"; shift; done; shift
for folder in "$@"; do mkdir -p ".$folder"; mount --rbind "$folder" ".$folder"; done
"$pivot" . .old
cd /
umount -l /.old
rmdir /.old
while read -r _ _ _ _ at _; do
  case $at in /proc|/proc/*|/.fornax|/dev/?*) continue;; esac
  at=$(printf '%b' "$at")
  [ ! -e "$at" ] || mount -o remount,bind,ro "$at"
done < /proc/self/mountinfo
echo ready
while read -r _; do :; done
`;
