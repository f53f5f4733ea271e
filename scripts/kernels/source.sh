# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Which Linux: the newest release of the series that Debian has as source and
# as stock kernel, and its source. Sourced by the kernel flavours.

KERNEL_SERIES=7.3
STOCK_FLAVOUR=cloud-amd64

# root_apt DIR COMMAND...: a command with network in the root, in DIR. One at a
# time: apt does not wait for the lock of its lists.
root_apt()
{
	local dir=$1

	shift
	cp -L /etc/resolv.conf "$BUILD_ROOT/etc/resolv.conf" 2>/dev/null || true
	with_lock "$CACHE/locks/apt" in_root env -C "$ROOT_CACHE/${dir#"$CACHE"/}" "$@"
}

# other_lists DIR ARCH SUITE: reads the lists of another architecture or suite
# than the root's into DIR. What follows uses them with APT_CONFIG=apt/conf, and
# deletes DIR/apt.
other_lists()
{
	# shellcheck disable=SC2016
	root_apt "$1" bash -e -c '
		mirror=$(grep -rhoE "[a-z+]+:/[^] ]+" /etc/apt/sources.list* | head -n 1)
		rm -rf apt
		mkdir -p apt/lists/partial
		echo "deb [arch=$1 signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror $2 main" \
			>apt/sources.list
		cat >apt/conf <<-END
			APT::Architectures { "$(dpkg --print-architecture)"; "$1"; };
			Dir::Etc::SourceList "$PWD/apt/sources.list";
			Dir::Etc::SourceParts "/dev/null";
			Dir::State::Lists "$PWD/apt/lists";
			Dir::Cache::pkgcache "";
			Dir::Cache::srcpkgcache "";
		END
		APT_CONFIG=apt/conf apt-get update --error-on=any' bash "$2" "$3"
}

# Writes "ABI-VERSION PACKAGE-VERSION" of the newest kernel of the series whose
# source, headers and binary are all there at one version.
fill_version()
{
	local dir=$1 wanted=${KERNEL_VERSION:-$KERNEL_SERIES} found

	# One list that is broken is not always one that is needed.
	root_apt "$dir" apt-get update >/dev/null 2>&1 </dev/null ||
		note "apt-get update had errors; going on with what it got"
	# shellcheck disable=SC2016
	found=$(root_apt "$dir" bash -c '
		pattern="^linux-headers-(${1//./\\.}[.+].*)-$2\$"
		apt-cache pkgnames linux-headers- | sed -nE "s/$pattern/\\1/p" | sort -rV |
		while read -r abi; do
			version=$(apt-cache show "linux-headers-$abi-$2" | sed -n "s/^Version: //p" | sort -V | tail -n 1)
			apt-cache show "linux-source-$3=$version" "linux-binary-$abi-$2=$version" \
				"linux-modules-$abi-$2=$version" >/dev/null 2>&1 || continue
			echo "$abi $version"
			break
		done' bash "$wanted" "$STOCK_FLAVOUR" "$KERNEL_SERIES")
	[[ -n $found ]] ||
		die "the mirror has no complete Linux $wanted ($STOCK_FLAVOUR) in $ROOT_SUITE-backports: set DEBIAN_MIRROR to one that still has it (a snapshot archive) and run 'make clean-cache'"
	echo "$found" >"$dir/version"
}

fill_source()
{
	local dir=$1

	need_space 4 "the kernel source"
	note "linux-source-$KERNEL_SERIES $STOCK_VERSION: 160 MB to fetch, 2 GB unpacked"
	logged "fetching the kernel source" \
		root_apt "$dir" apt-get download "linux-source-$KERNEL_SERIES=$STOCK_VERSION"
	# shellcheck disable=SC2016
	logged "unpacking the kernel source" root_apt "$dir" bash -e -o pipefail -c '
		dpkg-deb --fsys-tarfile linux-source-*.deb |
			tar -xO --wildcards "./usr/src/linux-source-*.tar.xz" |
			tar -xJ --strip-components=1
		rm linux-source-*.deb'
}

# Sets STOCK_ABI, STOCK_VERSION and SOURCE_DIR.
source_setup()
{
	local resolved=$CACHE/version-${KERNEL_VERSION:-$KERNEL_SERIES}

	[[ ${KERNEL_VERSION:-$KERNEL_SERIES} == "$KERNEL_SERIES"* ]] ||
		die "KERNEL_VERSION must be a $KERNEL_SERIES version (like $KERNEL_SERIES.4), not '$KERNEL_VERSION'"
	cached "$resolved" "Newest Linux ${KERNEL_VERSION:-$KERNEL_SERIES} of Debian" fill_version
	read -r STOCK_ABI STOCK_VERSION <"$resolved/version"
	SOURCE_DIR=$CACHE/source-$STOCK_VERSION
	SOURCE_DIR=${SOURCE_DIR//[~:]/_}
	cached "$SOURCE_DIR" "Kernel source $STOCK_VERSION" fill_source
	export STOCK_ABI STOCK_VERSION SOURCE_DIR
}

# A mirror may have gone on without the lists of an architecture. What is linked
# statically may be another suite's as well.
fetch_busybox() # DIR DEBIAN-ARCH
{
	other_lists "$1" "$2" "$ROOT_SUITE" || other_lists "$1" "$2" testing || return
	# shellcheck disable=SC2016
	root_apt "$1" env APT_CONFIG=apt/conf bash -e -c '
		apt-get download "busybox-static:$1"
		dpkg-deb --fsys-tarfile busybox-static_*.deb | tar -xO --wildcards "*bin/busybox" >busybox
		chmod 755 busybox
		rm -r busybox-static_*.deb apt' bash "$2"
}
