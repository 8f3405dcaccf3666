#!/bin/sh
# Makes DIR a Debian 13 with its Blender (4.3.2), an X server without a screen and what clicks in it, once: about 3 minutes and 1.5 GB.
# Nothing is installed outside DIR and nothing is mounted into it. Wants root and a Debian or Ubuntu with dpkg.
set -eu

directory=${1:?usage: blender_chroot.sh DIR}
mirror=${DEBIAN_MIRROR:-http://deb.debian.org/debian}
done=$directory/.complete
[ -e "$done" ] && exit 0
[ "$(id -u)" = 0 ] || { echo "Making $directory needs root (debootstrap makes device files and calls chroot)." >&2; exit 1; }

rm -rf "$directory"
mkdir -p "$directory.tools"
tools=$(cd "$directory.tools" && pwd)
if ! command -v debootstrap >/dev/null; then
    (cd "$tools" && apt-get -q update && apt-get -q download debootstrap && dpkg -x debootstrap_*.deb .)
    export DEBOOTSTRAP_DIR="$tools/usr/share/debootstrap" PATH="$tools/usr/sbin:$PATH"
fi
debootstrap --variant=minbase trixie "$directory" "$mirror"
export DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8
chroot "$directory" apt-get -q install -y --no-install-recommends \
    blender libgl1-mesa-dri libegl1 python3-numpy python3-pytest xvfb xdotool imagemagick
chroot "$directory" apt-get clean
rm -rf "$tools"
touch "$done"
