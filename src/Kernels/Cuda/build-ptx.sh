#!/bin/sh
# Compiles kernels.cu to kernels.ptx, which is committed and embedded in the assembly. No CUDA SDK is needed, only clang:
# on Debian and Ubuntu `apt-get install clang-14`. The version is fixed so that the same sources give the same bytes.
#   build-ptx.sh          writes kernels.ptx
#   build-ptx.sh --check  fails when kernels.ptx is not what the sources give
# The first line of kernels.ptx is a hash of the sources, by which the tests notice a stale file without clang.
set -eu
LC_ALL=C
export LC_ALL
cd "$(dirname "$0")"
compiler=${CLANG:-clang++-14}
command -v "$compiler" >/dev/null || { echo "$0: $compiler is not installed (Debian, Ubuntu: apt-get install clang-14)" >&2; exit 2; }
built=$(mktemp)
trap 'rm -f "$built" "$built.s"' EXIT
"$compiler" -x cuda --cuda-device-only --cuda-gpu-arch=sm_80 -nocudainc -nocudalib -std=c++17 -fdeclspec -O3 -ffp-contract=off \
    -Wall -Wno-unused-function -Werror -S kernels.cu -o "$built.s"
if grep -q '\.extern' "$built.s"; then
    echo "$0: the kernels call functions that are nowhere defined:" >&2
    grep '\.extern' "$built.s" >&2
    exit 1
fi
if grep -q '\.local' "$built.s"; then
    echo "$0: a kernel keeps an array in local memory" >&2
    exit 1
fi
{
    echo "// sources sha256 $(cat *.cu *.cuh | sha256sum | cut -d ' ' -f 1)"
    cat "$built.s"
} >"$built"
case "${1:-}" in
"") cp "$built" kernels.ptx ;;
--check) cmp -s "$built" kernels.ptx || { echo "$0: kernels.ptx is stale; run build-ptx.sh and commit the result" >&2; exit 1; } ;;
*) echo "usage: build-ptx.sh [--check]" >&2; exit 2 ;;
esac
