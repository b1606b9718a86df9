#!/bin/sh
# Makes this machine the box of one site: user, folders, software, service, and its papers from the hub.
# Debian 12, Ubuntu 24.04 and later. Run it again at any time: what is there stays, recordings and settings above all.
set -eu
umask 022

usage() {
    cat <<'END'
sudo sh install-site.sh --hub https://HUB:8711 --token TOKEN [--name NAME]   a new box, with the line that the hub shows
sudo sh install-site.sh --update                                             newer software, from the wheels beside this file
sudo sh install-site.sh --back                                               the software before the last update

  --wheels DIR     folder with Belvedere's wheel and those that it stands on (by default `wheels` beside this file)
  --index URL      take what it stands on from this package index; only Belvedere's own wheel from the folder
  --footage DIR    a disk's folder for footage; may be given several times (by default in the data folder)
  --release-key K  a public release key (bvrk1....): the hub may update this box with what that key signed; several times for several
  --python FILE    the Python to use, 3.11 or later (by default python3)
  --dry-run        say what would be done, and do nothing
  --no-start       neither start the service nor ask the hub
  --root DIR       install below DIR, for an image; needs no root, makes no user, starts nothing
END
}

say() { printf '%s\n' "$*"; }
warn() { printf 'note: %s\n' "$*" >&2; }
# What went wrong, and what to do about it.
fail() {
    printf 'install-site: %s\n' "$1" >&2
    printf '  -> %s\n' "$2" >&2
    exit 1
}
run() {
    if [ "$dry" = yes ]; then
        say "would: $*"
    else
        "$@"
    fi
}
# Writes standard input into a file, whole or not at all.
put() {
    if [ "$dry" = yes ]; then
        cat >/dev/null
        say "would: write $1"
    else
        cat >"$1.new"
        chmod "$2" "$1.new"
        mv -f "$1.new" "$1"
    fi
}
# The value of an option that needs one: option, how many words are left, the next word.
value() {
    [ "$2" -ge 2 ] || fail "$1 needs a value." "See: sh install-site.sh --help"
    printf '%s' "$3"
}

here=$(cd -- "$(dirname -- "$0")" && pwd)
user=belvedere-site
hub='' token='' name='' index='' root='' footage='' keys=''
wheels="$here/wheels" python=python3
dry=no start=yes act=install
while [ $# -gt 0 ]; do
    case $1 in
        --hub) hub=$(value "$1" $# "${2-}"); shift ;;
        --token) token=$(value "$1" $# "${2-}"); shift ;;
        --name) name=$(value "$1" $# "${2-}"); shift ;;
        --wheels) wheels=$(value "$1" $# "${2-}"); shift ;;
        --index) index=$(value "$1" $# "${2-}"); shift ;;
        --python) python=$(value "$1" $# "${2-}"); shift ;;
        --root) root=$(value "$1" $# "${2-}"); start=no; shift ;;
        --footage)
            folder=$(value "$1" $# "${2-}")
            case $folder in
                /*) ;;
                *) fail "--footage $folder is no whole path." "Write it from /, such as /srv/footage-1." ;;
            esac
            case $folder in
                *[!A-Za-z0-9/._-]*) fail "--footage $folder has letters that units can't name." "Mount the disk under letters, digits, - and _." ;;
            esac
            footage="$footage $folder"
            shift
            ;;
        --release-key)
            key=$(value "$1" $# "${2-}")
            case $key in
                bvrk1.*[!A-Za-z0-9_-]*) fail "--release-key $key is none." "Copy what belvedere release key printed, such as bvrk1.Abc..." ;;
                bvrk1.?*) ;;
                *) fail "--release-key $key is none." "Copy what belvedere release key printed, such as bvrk1.Abc..." ;;
            esac
            keys="$keys${keys:+, }\"$key\""
            shift
            ;;
        --update) act=update ;;
        --back) act=back ;;
        --dry-run) dry=yes ;;
        --no-start) start=no ;;
        -h | --help) usage; exit 0 ;;
        *) fail "$1 is not known." "See: sh install-site.sh --help" ;;
    esac
    shift
done

opt="$root/opt/belvedere"
data=/var/lib/belvedere-site
units="$root/etc/systemd/system"
unit=belvedere-site.service

as_site() {
    if [ -n "$root" ]; then "$@"; else runuser -u "$user" -- "$@"; fi
}

check_machine() {
    if [ -z "$root" ] && [ "$dry" = no ] && [ "$(id -u)" != 0 ]; then
        fail "This makes a user and a service." "Put sudo before the line."
    fi
    if ! grep -Eqs '^(ID|ID_LIKE)=.*(debian|ubuntu)' /etc/os-release; then
        warn "this is neither Debian nor Ubuntu: nobody tried it here."
    fi
    if [ "$start" = yes ] && [ "$dry" = no ] && [ ! -d /run/systemd/system ]; then
        fail "systemd does not run here." "Give --no-start, and start the site by other means."
    fi
}

check_software() {
    command -v "$python" >/dev/null 2>&1 || fail "There is no $python." "apt-get install python3 python3-venv, then the same line again."
    "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
        fail "Python 3.11 or later is needed; this is $("$python" --version 2>&1)." "Debian 12 and Ubuntu 24.04 have it; name another with --python."
    "$python" -c 'import ensurepip, venv' 2>/dev/null ||
        fail "Python's venv module is missing." "apt-get install python3-venv, then the same line again."
    command -v bwrap >/dev/null 2>&1 ||
        warn "bubblewrap is missing; decoders are confined by Landlock alone. Better: apt-get install bubblewrap"
    wheel=''
    for found in "$wheels"/belvedere-*.whl; do
        [ -f "$found" ] || continue
        [ -z "$wheel" ] || fail "$wheels holds several wheels of Belvedere." "Leave the one to be installed."
        wheel=$found
    done
    [ -n "$wheel" ] || fail "No wheel of Belvedere lies in $wheels." "Put it there, or name its folder with --wheels; docs/guide/deploy.md says how it is made."
    [ -f "$wheels/constraints.txt" ] || fail "$wheels/constraints.txt is missing." "It belongs to the wheels and holds their hashes: copy it there."
    if [ -f "$wheels/SHA256SUMS" ]; then
        (cd -- "$wheels" && sha256sum --quiet --strict -c SHA256SUMS) ||
            fail "The wheels are not what their list says." "Fetch the folder again; do not install this one."
    fi
}

# Folder, GiB that it needs, what for. Looks at the nearest folder above that exists.
check_room() {
    place="$root$1"
    while [ ! -d "$place" ]; do place=$(dirname -- "$place"); done
    free=$(df -Pk -- "$place" | awk 'NR == 2 { print int($4 / 1048576) }')
    [ "$free" -ge "$2" ] || fail "$1 has $free GiB free; $3 needs $2." "Make room, or put footage elsewhere with --footage DIR."
}

check_clock() {
    [ "$(date -u +%Y)" -ge 2026 ] || fail "This machine's clock is years behind: $(date -u)." "Set it; footage is dated by it, and papers are checked by it."
    if command -v timedatectl >/dev/null 2>&1 && [ "$(timedatectl show -p NTPSynchronized --value 2>/dev/null)" = no ]; then
        warn "no time service keeps this clock right. apt-get install chrony: footage is dated by the clock."
    fi
}

check_hub() {
    case $hub in
        https://*) ;;
        *) fail "--hub $hub is no address." "Copy the whole line that the hub shows, page Sites." ;;
    esac
    if [ "$start" = no ] || [ "$dry" = yes ]; then return; fi
    "$python" - "$hub" <<'END' || fail "$hub does not answer." "Look at this machine's line and the council's firewall: the box dials that port. Then the same line again."
import socket, sys
from urllib.parse import urlsplit
place = urlsplit(sys.argv[1])
try:
    socket.create_connection((place.hostname, place.port or 8711), 10).close()
except OSError as error:
    sys.exit(f"{place.hostname}: {error}")
END
}

# The site's id stands in the token: bv1.ID.secret.authority
read_token() {
    case $token in
        bv1.*.*.*) site=${token#bv1.}; site=${site%%.*} ;;
        *) fail "--token is no token." "Copy the whole line that the hub shows; it is good once, for 15 minutes." ;;
    esac
    case $site in
        '' | *[!a-z0-9-]*) fail "--token is no token." "Copy the whole line that the hub shows." ;;
    esac
    case $name in
        *[\"\\]* | *[[:cntrl:]]*) fail "--name has letters that settings can't hold." "Leave out quotation marks and backslashes." ;;
    esac
    settings="$root$data/belvedere.toml"
    if [ -r "$settings" ] && ! grep -Eq "^id *= *\"$site\"" "$settings"; then
        fail "The token is for $site, and this box is another site: $(grep -E '^id *=' "$settings" | head -n 1)" "Have a token made for the site that this box is; an id stays for good."
    fi
}

make_user() {
    if [ -n "$root" ]; then
        say "No user is made below $root: the service needs $user."
    elif ! getent passwd "$user" >/dev/null; then
        run useradd --system --user-group --home-dir "$data" --no-create-home --shell /usr/sbin/nologin "$user"
    fi
}

make_folders() {
    for folder in "$data" $footage; do
        [ -d "$root$folder" ] && continue
        run install -d -m 0700 "$root$folder"
    done
    [ -n "$root" ] || for folder in "$data" $footage; do run chown "$user:$user" "$folder"; done
    run install -d -m 0755 "$opt/releases" "$units"
}

write_settings() {
    settings="$root$data/belvedere.toml"
    if [ -e "$settings" ]; then
        say "Settings stay as they are: $settings"
        return
    fi
    list=''
    for folder in $footage; do list="$list${list:+, }\"$folder\""; done
    {
        say '# Settings of this site; docs/reference/settings.md lists them all.'
        say '[site]'
        say "id = \"$site\""
        say "name = \"${name:-$site}\""
        [ -z "$list" ] || say "footage = [$list]"
        [ -z "$keys" ] || say "release_keys = [$keys]"
    } | put "$settings" 0640
    [ -n "$root" ] || run chown "root:$user" "$settings"
}

# A Python environment of its own for each release; `current` names the one that runs, `previous` the one before.
install_release() {
    release="$opt/releases/$(date -u +%Y%m%dT%H%M%SZ)-$$"
    say "Installing $(basename -- "$wheel") into $release"
    if [ "$dry" = yes ]; then
        say "would: make a Python environment, install what constraints.txt pins (hashes checked), then the wheel"
        return
    fi
    trap 'rm -rf -- "$release"' EXIT
    trap 'exit 130' INT TERM
    "$python" -m venv "$release" || fail "No Python environment could be made." "The lines above say why; apt-get install python3-venv."
    if [ -n "$index" ]; then set -- --index-url "$index"; else set -- --no-index --find-links "$wheels"; fi
    quiet="--quiet --disable-pip-version-check --no-input --no-cache-dir"
    # shellcheck disable=SC2086 # several options
    "$release/bin/pip" $quiet install "$@" --only-binary :all: --require-hashes -r "$wheels/constraints.txt" ||
        fail "What Belvedere stands on could not be installed." "The lines above say what is missing; add it to $wheels, or give --index URL."
    # shellcheck disable=SC2086
    "$release/bin/pip" $quiet install --no-index --no-deps "$wheel" || fail "The wheel could not be installed." "Fetch it again."
    version=$("$release/bin/belvedere" version) || fail "What was installed does not run." "The lines above say why. What ran before still does."
    cp -- "$0" "$release/install-site.sh"
    trap - EXIT INT TERM
    say "Belvedere $version is installed."
}

# Have a name point at a release, in one step.
point() {
    ln -s "releases/$(basename -- "$2")" "$opt/$1.new"
    mv -T "$opt/$1.new" "$opt/$1"
}

# What is installed by hand counts, whatever came over the line before.
by_hand() {
    run rm -f -- "$root$data/site/releases/current" "$root$data/site/releases/trial.json"
}

switch() {
    if [ "$dry" = yes ]; then
        say "would: let $opt/current be the new release, and keep the one before as $opt/previous"
        return
    fi
    rm -f -- "$opt/current.new" "$opt/previous.new"
    by_hand
    before=$(readlink -- "$opt/current" 2>/dev/null || true)
    [ -z "$before" ] || point previous "$before"
    point current "$release"
    for old in "$opt/releases"/*; do
        case $(basename -- "$old") in
            "$(basename -- "$release")" | "$(basename -- "${before:-none}")") ;;
            *) rm -rf -- "$old" ;;
        esac
    done
}

write_unit() {
    from="$here/systemd"
    [ -f "$from/$unit" ] || fail "$from/$unit is missing." "Copy the whole folder that this file came in."
    put "$units/$unit" 0644 <"$from/$unit"
    run install -d -m 0755 "$units/$unit.d"
    if [ -n "$footage" ]; then
        {
            say '[Unit]'
            say "RequiresMountsFor=${footage# }"
            say '[Service]'
            say "ReadWritePaths=${footage# }"
        } | put "$units/$unit.d/disks.conf" 0644
    fi
    # What starts the releases stands outside all of them; it needs nothing but the system's Python.
    guard=$(find "$release/lib" -path '*/belvedere/site/update/guard.py' 2>/dev/null | head -n 1)
    if [ -n "$guard" ]; then
        put "$opt/guard.py" 0644 <"$guard"
        put "$units/$unit.d/guard.conf" 0644 <"$from/guard.conf"
    fi
    version=$(systemctl --version 2>/dev/null | awk 'NR == 1 { print $2 }')
    if [ "${version:-0}" -ge 254 ] 2>/dev/null; then put "$units/$unit.d/backoff.conf" 0644 <"$from/backoff.conf"; fi
    [ "$start" = no ] || run systemctl daemon-reload
}

# The unit's Type=notify: systemctl returns when the site records, or has failed.
start_service() {
    if [ "$start" = no ]; then
        say "Not started. Start it with: systemctl enable --now $unit"
        return
    fi
    run systemctl enable --quiet "$unit"
    if run systemctl restart "$unit"; then
        say "The site records."
        return
    fi
    if [ -L "$opt/previous" ]; then
        warn "it does not start: going back to the release before."
        swap
        systemctl restart "$unit" || true
    fi
    fail "The service did not start." "journalctl -u $unit -n 50 says why."
}

swap() {
    now=$(readlink -- "$opt/current")
    then=$(readlink -- "$opt/previous")
    point current "$then"
    point previous "$now"
}

enrol() {
    if [ -e "$root$data/site/keys/link/identity.pem" ]; then
        say "This site belongs to a hub already. For new papers: runuser -u $user -- $opt/current/bin/belvedere site enrol $hub TOKEN --data $data"
        return
    fi
    if [ "$start" = no ]; then
        say "Not enrolled. Later: runuser -u $user -- $opt/current/bin/belvedere site enrol $hub TOKEN --data $data"
        return
    fi
    if [ "$dry" = yes ]; then
        say "would: ask $hub to be let in as $site, and show the fingerprint that the second administrator types there"
        return
    fi
    as_site "$opt/current/bin/belvedere" site enrol "$hub" "$token" --data "$data" ||
        fail "The hub did not let this site in. It records all the same." "The line above says why. Within the token's 15 minutes the same line goes on where it stopped; after that, have a new token made."
}

check_machine
case $act in
    back)
        [ -L "$opt/previous" ] || fail "There is no release before this one." "Install the one that you want with --update --wheels DIR."
        if [ "$dry" = yes ]; then
            say "would: let $opt/current be $(readlink -- "$opt/previous"), and start the service anew"
            exit 0
        fi
        swap
        by_hand
        say "Back to Belvedere $("$opt/current/bin/belvedere" version)."
        start_service
        exit 0
        ;;
    update)
        [ -L "$opt/current" ] || fail "Nothing is installed yet." "Install with --hub and --token; the hub shows the line, page Sites."
        check_software
        check_room /opt 2 "an environment"
        ;;
    install)
        if [ -z "$hub" ] || [ -z "$token" ]; then
            usage >&2
            fail "--hub and --token are needed." "An administrator makes the line at the hub: Sites, New site."
        fi
        read_token
        check_software
        check_room /opt 2 "an environment"
        check_room "$data" 5 "the index and what waits for the hub"
        for folder in $footage; do check_room "$folder" 5 "footage"; done
        check_clock
        check_hub
        make_user
        ;;
esac
make_folders
[ "$act" = update ] || write_settings
install_release
write_unit
switch
start_service
[ "$act" = update ] || enrol
