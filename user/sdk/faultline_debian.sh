# Debian's packages without installing them: read by faultline-source and faultline-debs, whose name is in $0.
#
# apt-get checks what it fetches against Debian's signature, with lists and a cache of its own: what the machine has
# enabled stays as it is, and no root is needed.
# shellcheck shell=sh
keys=/usr/share/keyrings/debian-archive-keyring.gpg
name=$(basename "$0")

# debian_codename: the release that this machine runs, or nothing where it is not Debian.
debian_codename() {
    # shellcheck disable=SC1091
    [ -r /etc/os-release ] && . /etc/os-release && [ "${ID:-}" = debian ] && command -v apt-get >/dev/null &&
        echo "${VERSION_CODENAME:-}"
}

# debian_start FOLDER: sets $mirror to the one that the machine uses, and makes FOLDER ready for private_apt.
debian_start() {
    apt_folder=$1
    mkdir -p "$apt_folder/lists/partial" "$apt_folder/cache/archives/partial" && apt_folder=$(cd "$apt_folder" && pwd) || return
    mirror=$(apt-get update --print-uris -o Dir::State::Lists="$apt_folder/lists" |
        sed -n "s|^'\(.*\)/dists/$(debian_codename)/InRelease'.*|\1|p" | head -n 1)
    [ "$mirror" ] && return
    echo "$name: apt's sources on this machine name no mirror of $(debian_codename)" >&2
    return 1
}

# debian_enable TYPE [ARCHITECTURE] SUITE: one more source for private_apt; TYPE is deb or deb-src.
debian_enable() {
    options=${3:+arch=$2}
    [ -r "$keys" ] && options="$options${options:+ }signed-by=$keys"
    echo "$1 ${options:+[$options] }$mirror ${3:-$2} main" >>"$apt_folder/sources.list"
}

private_apt() {
    private_tool apt-get "$@" >&2
}
private_apt_cache() {
    private_tool apt-cache "$@"
}
private_tool() {
    tool=$1
    shift
    "$tool" -qq -o Dir::Etc::SourceList="$apt_folder/sources.list" -o Dir::Etc::SourceParts=/dev/null \
        -o Dir::Etc::Preferences=/dev/null -o Dir::Etc::PreferencesParts=/dev/null \
        -o Dir::State::Lists="$apt_folder/lists" -o Dir::Cache="$apt_folder/cache" -o APT::Sandbox::User="$(id -un)" \
        "$@"
}
