#!/bin/sh
# In the machine, on the files of the host: runs the checks as it was ordered to, says how that ended, and switches the machine off.
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/tmp TMPDIR=/tmp LANG=C.UTF-8
machine=/run/machine
groups=/sys/fs/cgroup
run() { # what starts it
  cd "$(cat $machine/root)" || exit 1
  exec "$@" "$(cat $machine/node)" --test-reporter=spec --test-timeout=900000 --test tools/cgroup2/checks.mjs
}
uname -a
who=$(cat $machine/who)
echo "control groups: $(stat -f -c %T $groups), as $who"
case $who in
  user)
    # As systemd has it: the user's slice was delegated, and a session in it holds several processes.
    mkdir -p $groups/user/session
    for at in $groups $groups/user; do for each in memory pids cpu; do echo +$each >$at/cgroup.subtree_control; done; done
    chown -R 65534:65534 $groups/user
    (
      echo 0 >$groups/user/session/cgroup.procs
      sleep 100000 &
      run setpriv --reuid=65534 --regid=65534 --clear-groups --
    )
    ;;
  alone)
    # The group of a service that was delegated to it: nobody else is in there, not even who runs the tests.
    mkdir -p $groups/user
    for each in memory pids cpu; do echo +$each >$groups/cgroup.subtree_control; done
    chown -R 65534:65534 $groups/user
    (
      cd "$(cat $machine/root)" || exit 1
      echo 0 >$groups/user/cgroup.procs
      exec setpriv --reuid=65534 --regid=65534 --clear-groups -- "$(cat $machine/node)" tools/cgroup2/checks.mjs
    )
    ;;
  container)
    # Root of a namespace whose top holds processes.
    mkdir -p $groups/container
    for each in memory pids cpu; do echo +$each >$groups/cgroup.subtree_control; done
    (
      echo 0 >$groups/container/cgroup.procs
      sleep 100000 &
      run unshare --cgroup --mount -- sh -c "umount $groups; mount -t cgroup2 cgroup2 $groups; exec \"\$@\"" sh
    )
    ;;
  *) (run env) ;;
esac
echo "FORNAX-EXIT $?"
sync
/run/busybox poweroff -f
