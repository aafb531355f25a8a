/**
 * Builds, once per agent, the root file system that all instances share, and keeps it until its input ends.
 * Arguments: folder for the new root, folder of instances, folder of secrets or nothing, pivot_root program, device names, \`--\`, top-level folders, \`--\`,
 * folders to hide, \`--\`, folders and files to show again: of a file a copy, since one that is replaced takes a mount on it away. Everything but /.fornax is read-only in the end. It is deaf to who stops all of the
 * agent's service at once: the agent ends its instances in order, and then this.
 */
export const BUILD_ROOT = `
set -eu
trap '' TERM INT HUP
new=$1; instances=$2; secrets=$3; pivot=$4; shift 4
mount -t tmpfs -o mode=755,size=1m fornax "$new"
cd "$new"
mkdir -m 755 job proc sys dev tmp run run/secrets .old
mkdir -m 700 .fornax .fornax-secrets
mount --bind "$instances" .fornax
[ -z "$secrets" ] || mount --bind "$secrets" .fornax-secrets
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
for path in "$@"; do
  if [ -d "$path" ]; then mkdir -p ".$path"; mount --rbind "$path" ".$path"
  else mkdir -p ".\${path%/*}"; cat "$path" > ".$path"; fi
done
"$pivot" . .old
cd /
umount -l /.old
rmdir /.old
while read -r _ _ _ _ at _; do
  case $at in /proc|/proc/*|/.fornax|/.fornax-secrets|/dev/?*) continue;; esac
  at=$(printf '%b' "$at")
  [ ! -e "$at" ] || mount -o remount,bind,ro "$at"
done < /proc/self/mountinfo
echo ready
while read -r _; do :; done
`;
