/**
 * Runs the OpenSSH server of an image for whoever has the key. An instance has one user, without privileges, so that one has to be who logs in, and the server is run by it: which it can be,
 * as its own user, once that has a name and a home. It is called root as well, since clients say so.
 */
const SCRIPT = [
  'say() { echo "ssh: $*" >&2; exit 2; }',
  '[ -n "$DOCKER_SSH" ] || say "DOCKER_SSH holds no public key"',
  'server=$(command -v sshd) || say "there is no sshd in this image"',
  'user=$(id -u) group=$(id -g) shell=/bin/sh',
  '[ "$user" != 0 ] || say "leave DOCKER_USER out: the server takes whom it calls root for somebody with privileges"',
  '[ ! -x /bin/bash ] || shell=/bin/bash',
  'own=/tmp/.ssh-server; umask 077; mkdir -p $own',
  // The first line of a name or a number counts. Terminals are made for the group tty, which a user without privileges can only be in by its own number.
  'named() { { echo "$2"; cat "$1"; } >"$own/new" && chmod 644 "$own/new" && mv -f "$own/new" "$1"; }',
  'if ! [ -e $own/named ]; then',
  'named /etc/passwd "root:x:$user:$group:root:/job:$shell" && named /etc/group "tty:x:$group:" || say "this node lets nobody change an image, so nobody can log in"',
  ': >$own/named; fi',
  '[ -e $own/key ] || ssh-keygen -q -t ed25519 -N "" -f $own/key || say "there are no keys of the host"',
  'printf "%s\\n" "$DOCKER_SSH" >$own/who',
  'exec "$server" -D -e -p 22 -h $own/key -o PidFile=none -o UsePAM=no -o StrictModes=no -o PasswordAuthentication=no -o KbdInteractiveAuthentication=no -o PermitRootLogin=yes -o AuthorizedKeysFile=$own/who',
].join('\n');

/** As a command of words. */
export const SERVE_SSH = `sh -c '${SCRIPT}'`;
