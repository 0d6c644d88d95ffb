#!/usr/bin/env bash
# build-image.sh FOLDER: a Debian 12 guest in FOLDER (base.raw, vmlinuz, initrd.img), made by mmdebstrap and mke2fs: no loop device, no
# mount, no boot loader. It has what a cloud image has (systemd, cloud-init, sshd) and what nodes need, but conntrack, which lies in a
# package source of its own inside, so that the path through apt is walked without a network. The distribution's containerd runs, as it
# does wherever its package is installed.
# Made lean for emulation: a guest answers SSH after about a minute of one core.
set -euo pipefail
folder=$1
tree=$(mktemp -d /var/tmp/slipway-guest-XXXXXX)
trap 'rm -rf "$tree"' EXIT
chmod 755 "$tree"
packages=linux-image-cloud-amd64,systemd,systemd-sysv,udev,dbus,cloud-init,openssh-server,containerd,runc,containernetworking-plugins
packages+=,qemu-guest-agent,iproute2,nftables,iptables,kmod,procps,sudo,ca-certificates,netbase,iputils-ping

cat > "$tree.hook" <<'HOOK'
set -eu
root=$1
mkdir -p "$root/srv/apt"
chroot "$root" sh -c 'cd /srv/apt && apt-get download -qq conntrack libnetfilter-conntrack3 libnfnetlink0 &&
for deb in *.deb; do dpkg-deb -f "$deb"; printf "Filename: ./%s\nSize: %s\nSHA256: %s\n\n" "$deb" "$(stat -c %s "$deb")" "$(sha256sum "$deb" | cut -d" " -f1)"; done > Packages'
rm -f "$root"/etc/apt/sources.list.d/* "$root"/var/lib/apt/lists/*_* "$root"/etc/ssh/ssh_host_* "$root"/etc/resolv.conf
echo 'deb [trusted=yes] file:/srv/apt ./' > "$root/etc/apt/sources.list"
: > "$root/etc/machine-id"
echo localhost > "$root/etc/hostname"
printf '127.0.0.1 localhost\n::1 localhost\n' > "$root/etc/hosts"
printf 'LABEL=root / ext4 defaults,noatime 0 1\n' > "$root/etc/fstab"
for unit in cloud-config cloud-final systemd-networkd-wait-online apt-daily.timer apt-daily-upgrade.timer e2scrub_all.timer \
  e2scrub_reap fstrim.timer dpkg-db-backup.timer systemd-timesyncd systemd-binfmt systemd-update-utmp getty@tty1 systemd-pstore \
  sys-kernel-config.mount sys-kernel-debug.mount sys-kernel-tracing.mount dev-hugepages.mount modprobe@configfs modprobe@drm modprobe@fuse; do
  case $unit in *.timer | *.mount) ;; *) unit=$unit.service ;; esac
  ln -sf /dev/null "$root/etc/systemd/system/$unit"
done
mkdir -p "$root/etc/cloud/cloud.cfg.d"
cat > "$root/etc/cloud/cloud.cfg.d/99-lean.cfg" <<'CLOUD'
datasource_list: [NoCloud, None]
cloud_init_modules: [write-files, growpart, resizefs, set_hostname, update_hostname, update_etc_hosts, users-groups, ssh]
cloud_config_modules: []
cloud_final_modules: []
system_info:
  network: {renderers: [networkd]}
CLOUD
ln -sf /lib/systemd/system/systemd-networkd.service "$root/etc/systemd/system/multi-user.target.wants/systemd-networkd.service"
HOOK
mmdebstrap --quiet --variant=minbase --include="$packages" \
  --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
  --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-include=/usr/share/doc/*/copyright' \
  --customize-hook="sh $tree.hook \"\$1\"" bookworm "$tree" ${SLIPWAY_TEST_MIRROR:+"$SLIPWAY_TEST_MIRROR"} ||
  { rm -f "$tree.hook"; exit 1; }
rm -f "$tree.hook"
mkdir -p "$folder"
cp "$tree"/boot/vmlinuz-* "$folder/vmlinuz"
cp "$tree"/boot/initrd.img-* "$folder/initrd.img"
rm -rf "$tree"/boot/vmlinuz-* "$tree"/boot/initrd.img-*
mke2fs -q -t ext4 -d "$tree" -L root -O '^has_journal,^metadata_csum' "$folder/base.raw.part" 2G
chmod 644 "$folder"/*
mv "$folder/base.raw.part" "$folder/base.raw"
