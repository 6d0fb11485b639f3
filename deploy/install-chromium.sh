#!/bin/sh
# Makes sure that there is a Chromium for the executor. Does nothing where one is found; installs Debian's packages as
# root or through sudo; else says what to do and ends with 1.
set -eu

found() {
	if [ -n "${ERRAND_CHROMIUM:-}" ]; then
		command -v "$ERRAND_CHROMIUM" >/dev/null
		return
	fi
	for name in /usr/lib/chromium/chromium /usr/lib/chromium-browser/chromium-browser /opt/google/chrome/chrome \
		chromium chromium-browser google-chrome /usr/lib/chromium/chromium-headless-shell chrome-headless-shell \
		"/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"; do
		if command -v "$name" >/dev/null; then
			return 0
		fi
	done
	return 1
}

refuse() {
	echo "No Chromium was found, and $1." >&2
	echo "Install Chromium or Google Chrome, or set ERRAND_CHROMIUM to the path of one." >&2
	exit 1
}

if found; then
	exit 0
fi
if [ -n "${ERRAND_CHROMIUM:-}" ]; then
	refuse "ERRAND_CHROMIUM=$ERRAND_CHROMIUM is no program"
fi
if ! command -v apt-get >/dev/null; then
	refuse "this system has no apt-get to install it with"
fi
if grep -qs '^ID=ubuntu' /etc/os-release; then
	refuse "Ubuntu's package of it is a snap, which a service cannot start"
fi
as_root=
if [ "$(id -u)" -ne 0 ]; then
	if ! sudo -n true 2>/dev/null; then
		refuse "installing it needs root (try: sudo sh $0)"
	fi
	as_root="sudo -n"
fi
echo "Installing Chromium from the distribution's packages ..." >&2
log=$($as_root apt-get -qq update 2>&1 &&
	$as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends chromium chromium-sandbox 2>&1) || {
	echo "$log" >&2
	refuse "apt-get could not install it"
}
found || refuse "it is still not there after apt-get install chromium"
