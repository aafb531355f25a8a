#!/bin/busybox sh
# The first process of the machine: puts the files of the host, under a layer of memory that takes what is written, in the place of its own.
/bin/busybox --install -s /bin
export PATH=/bin
mount -t devtmpfs dev /dev
mount -t proc proc /proc
mount -t sysfs sys /sys
for module in /modules/*.ko; do insmod "$module" || echo "no $module"; done
mount -t 9p -o trans=virtio,version=9p2000.L,ro,cache=loose,msize=1048576 host /host || poweroff -f
mount -t tmpfs -o size=60% top /top
mkdir /top/upper /top/work
mount -t overlay -o lowerdir=/host,upperdir=/top/upper,workdir=/top/work new /new || poweroff -f
mount -t proc proc /new/proc
mount -t sysfs sys /new/sys
mount -t devtmpfs dev /new/dev
mkdir -p /new/dev/pts /new/dev/shm
mount -t devpts devpts /new/dev/pts
for at in /new/dev/shm /new/run /new/tmp; do mount -t tmpfs tmpfs "$at"; chmod 1777 "$at"; done
mount -t cgroup2 -o nsdelegate cgroup2 /new/sys/fs/cgroup
mkdir /new/run/machine
mount -t 9p -o trans=virtio,version=9p2000.L,ro,msize=65536 order /new/run/machine
cp /bin/busybox /run-checks /new/run/
hostname fornax-cgroup2
ip link set lo up
umount /proc /sys
exec switch_root /new /run/run-checks
