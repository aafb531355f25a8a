/**
 * Builds, once per agent, the root file system that all instances share, and keeps it until its input ends. Or one for all instances of an image: the top-level
 * folders, files and links are then those of the image, and no program of it is ever run here. What comes after the pivot is done by the machine's programs, in a
 * copy of its root that stands apart, and goes with the old root.
 * Arguments: folder for the new root, folder for that copy, folder of instances, folder of secrets or nothing, pivot_root program, device names, \`--\`, top-level folders, \`--\`,
 * folders to hide, \`--\`, folders and files to show again: of a file a copy, since one that is replaced takes a mount on it away. Everything but /.fornax is read-only in the end. It is deaf to who stops all of the
 * agent's service at once: the agent ends its instances in order, and then this.
 */
export const BUILD_ROOT = `
set -eu
trap '' TERM INT HUP
new=$1; apart=$2; instances=$3; secrets=$4; pivot=$5; shift 5
mount -t tmpfs -o mode=755,size=1m fornax "$new"
cd "$new"
mkdir -m 755 job proc sys dev tmp run run/secrets
mkdir -m 700 .fornax .fornax-secrets
mount --bind "$instances" .fornax
[ -z "$secrets" ] || mount --bind "$secrets" .fornax-secrets
mount -t tmpfs -o mode=755,size=64k,nosuid fornax dev
mkdir dev/shm dev/pts
ln -s /proc/self/fd dev/fd; ln -s fd/0 dev/stdin; ln -s fd/1 dev/stdout; ln -s fd/2 dev/stderr; ln -s pts/ptmx dev/ptmx
while [ "$1" != -- ]; do : > "dev/$1"; mount --bind "/dev/$1" "dev/$1"; shift; done; shift
while [ "$1" != -- ]; do
  at=./\${1##*/}
  if [ -L "$1" ]; then ln -s -- "$(readlink "$1")" "$at"
  elif [ -d "$1" ]; then mkdir "$at"; mount --rbind "$1" "$at"
  else : > "$at"; mount --bind "$1" "$at"
  fi
  shift
done; shift
mount --rbind /sys sys
mount --rbind /proc proc
while [ "$1" != -- ]; do [ ! -d ".$1" ] || mount -t tmpfs -o mode=711,size=64k fornax ".$1"; shift; done; shift
for path in "$@"; do
  if [ -d "$path" ]; then mkdir -p ".$path"; mount --rbind "$path" ".$path"
  else mkdir -p ".\${path%/*}"; cat "$path" > ".$path"; fi
done
mkfifo .fornax-here .fornax-go
exec 8<> .fornax-here 9<> .fornax-go
rm .fornax-here .fornax-go
while read -r _ _ _ _ at _; do
  at=$(printf '%b' "$at")
  case $at in "$new"|"$new"/*) ;; *) continue;; esac
  case \${at#"$new"} in /proc|/proc/*|/.fornax|/.fornax-secrets|/dev/?*) continue;; esac
  [ ! -e "$at" ] || mount -o remount,bind,ro "$at"
done < /proc/self/mountinfo
mount --rbind / "$apart"
chroot "$apart" /bin/sh -c 'echo >&8; read -r _ <&9; cd "/proc/$1/root"; exec umount -c -l tmp' apart $$ &
read -r _ <&8
"$pivot" . tmp
cd /
echo >&9
wait $!
exec 8>&- 9>&-
echo ready
while read -r _; do :; done
`;
