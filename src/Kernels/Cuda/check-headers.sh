#!/bin/sh
# Compares the functions, the structure and the numbers of CudaDriver.cs, CudaGraph.cs and CuBlas.cs with NVIDIA's cuda.h and
# cublas_v2.h. Needed only after a change of them: neither the build nor CI has the headers.
#   check-headers.sh [FOLDER]   FOLDER holds both; else /usr/local/cuda/include or /usr/include
set -eu
cd "$(dirname "$0")"
compiler=${CLANG:-clang++-14}
for folder in "${1:-}" /usr/local/cuda/include /usr/include; do
    [ -f "$folder/cuda.h" ] && [ -f "$folder/cublas_v2.h" ] && break
done || { echo "$0: cuda.h and cublas_v2.h are not here (Debian: nvidia-cuda-dev of non-free); name their folder" >&2; exit 2; }
command -v "$compiler" >/dev/null || { echo "$0: $compiler is not installed (Debian, Ubuntu: apt-get install clang-14)" >&2; exit 2; }
declared=$(mktemp -d)
trap 'rm -rf "$declared"' EXIT
# (delegate* unmanaged<uint, int>)Get("cuInit") → FUNCTION(cuInit, uint, int)
awk 1 ORS=' ' CudaDriver.cs CuBlas.cs | grep -oE 'unmanaged<[^>]*>\)Get\("\w+"\)' \
    | sed -E 's/CudaGraph\.//; s/unmanaged<(.*)>\)Get\("(.*)"\)/FUNCTION(\2, \1)/' >"$declared/functions.h"
sed -n '/struct NodeParameters/,/^    }/p' CudaGraph.cs | sed 's/internal //; s/public //; $s/}/};/' >"$declared/structures.h"
[ "$(grep -c . "$declared/functions.h")" = "$(cat CudaDriver.cs CuBlas.cs | grep -c ')Get("')" ] || { echo "$0: some functions were not found in the sources" >&2; exit 1; }
"$compiler" -std=c++17 -fsyntax-only -I "$declared" -isystem "$folder" driver-headers.cpp
echo "$(grep -c . "$declared/functions.h") functions agree with the headers of CUDA $(sed -n 's/^#define CUDA_VERSION \([0-9]*\)/\1/p' "$folder/cuda.h")"
