#!/usr/bin/env bash
# Build surfnode, a Solana node that is not ours (the crate surfpool-core behind a small command line), for
# `make test-cluster`; the last line printed is the folder to put on the PATH. Needs Rust 1.95 or newer, pkg-config,
# libssl-dev, gcc and make. 15 minutes on two cores the first time, seconds afterwards.
# CLUSTER_NODE_TARGET_DIR: cargo's target folder (default: in the user's cache folder, outside the checkout).
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
target=${CLUSTER_NODE_TARGET_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/relayer-cluster-node}
# The Agave crates declare a newer compiler than they need.
CARGO_TARGET_DIR=$target OPENSSL_NO_VENDOR=1 cargo build --manifest-path "$here/Cargo.toml" \
    --release --locked --ignore-rust-version --quiet >&2
echo "$target/release"
