#!/usr/bin/env bash
# Build the on-chain programs with Debian's Rust (packages rustc-web cargo-web rust-web-src libstd-rust-web-dev).
#   build.sh build     write the programs, their hashes and the compiler's version into relayer/data/programs/
#   build.sh compare   rebuild into a temporary folder and compare with what is committed there
#   build.sh to DIR    build into DIR
#   build.sh one PACKAGE FILE    build one program
# What only tests need goes into tests/svm/programs/ in the same way.
# SBPF_TARGET_DIR: cargo's target folder (default: below the system's temporary folder, keyed by this checkout).
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
artefacts=$here/../relayer/data/programs
for_tests=$here/../tests/svm/programs
rustc=${SBPF_RUSTC:-/usr/bin/rustc}
cargo=${SBPF_CARGO:-/usr/bin/cargo}
target=${SBPF_TARGET_DIR:-${TMPDIR:-/tmp}/sbpf-target-$(id -u)-$(echo "$here" | sha256sum | cut -c1-8)}
programs="oracle pnp-standin metadata-standin"
test_programs="oracle-consumer hostile-pnp"

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
    require_compiler
    mkdir -p "$target"
    (cd "$here" && RUSTC=$rustc "$cargo" fetch --locked --quiet) # makes registry/src, which compile() remaps
    build_set "$1" $programs
    build_set "$1/tests" $test_programs
    "$rustc" --version >"$1/RUSTC"
}

build_set() { # folder, packages
    local folder=$1 program
    shift
    mkdir -p "$folder"
    for program in "$@"; do compile "$program" "$folder/${program//-/_}.so"; done
    (cd "$folder" && sha256sum -- *.so >SHA256SUMS)
}

build_afresh() { # into $fresh, gone at the end
    fresh=$(mktemp -d)
    trap 'rm -rf "$fresh"' EXIT
    build_to "$fresh"
}

same() { # fresh folder, committed folder
    cmp -s "$1/SHA256SUMS" "$2/SHA256SUMS" && (cd "$2" && sha256sum --quiet --check SHA256SUMS)
}

compare() {
    build_afresh
    if same "$fresh" "$artefacts" && same "$fresh/tests" "$for_tests"; then
        echo "The programs are byte for byte what relayer/data/programs/ holds ($(cat "$fresh/RUSTC"))."
        return
    fi
    diff "$artefacts/SHA256SUMS" "$fresh/SHA256SUMS" >&2 || true
    diff "$for_tests/SHA256SUMS" "$fresh/tests/SHA256SUMS" >&2 || true
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
    cp "$fresh"/*.so "$fresh"/RUSTC "$fresh"/SHA256SUMS "$artefacts/"
    mkdir -p "$for_tests"
    cp "$fresh"/tests/* "$for_tests/"
    ;;
compare) compare ;;
to) build_to "${2:?folder}" ;;
one)
    require_compiler
    mkdir -p "$target"
    compile "${2:?package}" "${3:?file}"
    ;;
*) sed -n '2,8p' "$0" >&2; exit 2 ;;
esac
