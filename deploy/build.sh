#!/usr/bin/env bash
# Build the on-chain programs with Debian's Rust (packages rustc-web cargo-web rust-web-src libstd-rust-web-dev).
#   build.sh build     write the programs, their hashes and the compiler's version into relayer/data/programs/
#   build.sh compare   rebuild into a temporary folder and compare with what is committed there
#   build.sh to DIR    build into DIR
# SBPF_TARGET_DIR: cargo's target folder (default: below the system's temporary folder, keyed by this checkout).
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
artefacts=$here/../relayer/data/programs
rustc=${SBPF_RUSTC:-/usr/bin/rustc}
cargo=${SBPF_CARGO:-/usr/bin/cargo}
target=${SBPF_TARGET_DIR:-${TMPDIR:-/tmp}/sbpf-target-$(id -u)-$(echo "$here" | sha256sum | cut -c1-8)}
programs="oracle oracle-consumer pnp-standin metadata-standin"

require_compiler() {
    local library
    library=$("$rustc" --print sysroot 2>/dev/null)/lib/rustlib/src/rust/library
    [ -x "$cargo" ] && [ -d "$library" ] && return
    echo "No compiler: install rustc-web, cargo-web, rust-web-src and libstd-rust-web-dev (Debian 12), or set SBPF_RUSTC and SBPF_CARGO." >&2
    exit 2
}

compile() { # package, output file
    local lib flags source
    lib=${1//-/_}
    # Paths in panic messages must not depend on where things lie.
    flags="--remap-path-prefix=$here=. --remap-path-prefix=$("$rustc" --print sysroot)/lib/rustlib/src/rust=rust"
    for source in "${CARGO_HOME:-$HOME/.cargo}"/registry/src/*/; do flags+=" --remap-path-prefix=${source%/}=crates"; done
    rm -f "$target/sbpf-solana/release/deps/$lib.so" # always relink: cargo does not watch the linker script
    # RUSTC_BOOTSTRAP: -Zbuild-std and target files on a stable compiler.
    RUSTC_BOOTSTRAP=1 RUSTC=$rustc CARGO_TARGET_DIR=$target CARGO_INCREMENTAL=0 SBPF_ARCH=v3 SBPF_STRIP=1 \
        CARGO_TARGET_SBPF_SOLANA_LINKER=$here/sbpf/sbpf_link.py CARGO_TARGET_SBPF_SOLANA_RUSTFLAGS=$flags \
        "$cargo" rustc --manifest-path "$here/Cargo.toml" --package "$1" --locked --quiet --release --lib \
        --crate-type cdylib --target "$here/sbpf/sbpf-solana.json" -Zjson-target-spec -Zbuild-std=core,alloc
    cp "$target/sbpf-solana/release/deps/$lib.so" "$2"
}

build_to() { # folder
    local program
    require_compiler
    mkdir -p "$1" "$target"
    (cd "$here" && RUSTC=$rustc "$cargo" fetch --locked --quiet) # makes registry/src, which compile() remaps
    for program in $programs; do compile "$program" "$1/${program//-/_}.so"; done
    (cd "$1" && "$rustc" --version >RUSTC && sha256sum -- *.so >SHA256SUMS)
}

build_afresh() { # into $fresh, gone at the end
    fresh=$(mktemp -d)
    trap 'rm -rf "$fresh"' EXIT
    build_to "$fresh"
}

compare() {
    build_afresh
    if cmp -s "$fresh/SHA256SUMS" "$artefacts/SHA256SUMS" && (cd "$artefacts" && sha256sum --quiet --check SHA256SUMS); then
        echo "The programs are byte for byte what relayer/data/programs/ holds ($(cat "$fresh/RUSTC"))."
        return
    fi
    diff "$artefacts/SHA256SUMS" "$fresh/SHA256SUMS" >&2 || true
    if cmp -s "$fresh/RUSTC" "$artefacts/RUSTC"; then
        echo "The programs differ from relayer/data/programs/: run deploy/build.sh build, test, and commit the result." >&2
    else
        echo "The programs differ, and so does the compiler: here $(cat "$fresh/RUSTC"), committed with $(cat "$artefacts/RUSTC")." >&2
        echo "Run deploy/build.sh build, test, and commit the new files." >&2
    fi
    exit 1
}

case ${1:-} in
build)
    build_afresh
    cp "$fresh"/* "$artefacts/"
    ;;
compare) compare ;;
to) build_to "${2:?folder}" ;;
*) sed -n '2,6p' "$0" >&2; exit 2 ;;
esac
