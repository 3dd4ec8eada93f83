#!/bin/sh
# Assembles the kernels for NVIDIA GPUs with ptxas, the compiler that NVIDIA's driver contains, and writes what it says of every kernel to registers.tsv:
# shared memory in bytes and, for each architecture, the registers of a thread and the bytes that it spills (stored and loaded). ptxas is $PTXAS or the
# one in PATH. With cuobjdump beside it, the hot loops are read from the machine code for sm_90: the innermost loop over shared memory with the most multiply-adds,
# or products of tensor cores (of 16×16 by 16×8).
#   assemble.sh FOLDER          writes registers.tsv; FOLDER holds what `faith devices --dump-ptx FOLDER` has written
#   assemble.sh FOLDER --check  fails when a kernel does not assemble, and, where ptxas has the version of the committed file, when the file is not what it says
#   assemble.sh FOLDER --loops  prints the table of loops
set -eu
LC_ALL=C
export LC_ALL
here=$(cd "$(dirname "$0")" && pwd)
folder=${1:?usage: assemble.sh FOLDER [--check | --loops]}
ptxas=$(command -v "${PTXAS:-ptxas}") || {
    echo "$0: ptxas is not here: install Debian's non-free package nvidia-cuda-toolkit or any CUDA toolkit, or name one in PTXAS" >&2
    exit 2
}
made=$(mktemp -d)
trap 'rm -rf "$made"' EXIT
if [ "${2:-}" = --loops ]; then
    echo "| kernel | instructions | multiply-adds or products | shared loads of 16, 8, 4 bytes | share | registers | spilled |"
    echo "|---|---|---|---|---|---|---|"
    for kernel in Multiply.Single32.128.whole Multiply.Single32.128.whole.transposed Multiply.Brain16.128.whole Multiply.Half16.128.whole Multiply.Half16.64.whole Multiply.Single32.64.whole Multiply.Single32.32.whole MultiplyTensor.Single32.128.whole \
        MultiplyTensor.Single32.64.whole MultiplyTensor.Half16.128.whole MultiplyTensor.Brain16.128.whole MultiplyTensor.Brain16.128.whole.transposed MultiplyTensor.Brain16.64.whole Tiles.Single32.32.whole Tiles.Single32.40.whole \
        AttentionForward.64; do
        "$ptxas" -v -arch=sm_90 "$folder/$kernel.ptx" -o "$made/cubin" 2>"$made/log"
        held=$(awk '/bytes spill stores/ { spills = $5 + $9 } /Used [0-9]+ registers/ { for (i = 2; i <= NF; i++) if ($i ~ /^registers/) registers = $(i - 1) } END { printf "%d | %d", registers, spills }' "$made/log")
        "$(dirname "$ptxas")/cuobjdump" -sass "$made/cubin" | awk -v kernel="$kernel" -v held="$held" '
            $1 !~ /^\/\*[0-9a-f]+\*\/$/ { next }
            { address = substr($1, 3, length($1) - 4); code[++lines] = $2 ~ /^@/ ? $3 : $2; line[address] = lines }
            # A branch backwards ends a loop, an innermost one where it starts behind the end of the one before.
            code[lines] == "BRA" {
                target = $0; sub(/ ;.*/, "", target); sub(/.*0x/, "", target)
                while (length(target) < length(address)) target = "0" target
                if (!(target in line) || line[target] <= end) next
                split("", count)
                for (i = line[target]; i <= lines; i++) count[code[i]]++
                work = count["FFMA"] > count["HMMA.16816.F32.BF16"] ? count["FFMA"] : count["HMMA.16816.F32.BF16"]
                if (count["LDS.128"] && work > most) { most = work; all = lines - line[target] + 1; loads = count["LDS.128"] + 0 ", " count["LDS.64"] + 0 ", " count["LDS"] + 0 }
                end = lines
            }
            END { printf "| %s | %d | %d | %s | %.0f%% | %s |\n", kernel, all, most, loads, 100 * most / all, held }'
    done
    exit 0
fi
version=$("$ptxas" --version | sed -n 's/.*, V\([0-9.]*\)$/\1/p')
{
    echo "# ptxas $version"
    printf 'kernel\tshared'
    for architecture in sm_80 sm_86 sm_89 sm_90; do printf '\t%s\tspills' $architecture; done
    echo
    for file in "$folder"/*.ptx; do
        row=
        for architecture in sm_80 sm_86 sm_89 sm_90; do
            "$ptxas" -v -arch=$architecture "$file" -o "$made/cubin" >"$made/log" 2>&1 || { cat "$made/log" >&2; exit 1; }
            row="$row	$(awk '/bytes spill stores/ { spills = $5 + $9 } /Used [0-9]+ registers/ { for (i = 2; i <= NF; i++) if ($i ~ /^registers/) registers = $(i - 1) } END { printf "%d\t%d", registers, spills }' "$made/log")"
        done
        printf '%s\t%d%s\n' "$(basename "$file" .ptx)" "$(sed -n 's/.* \([0-9]*\) bytes smem.*/\1/p' "$made/log" | head -1)" "$row"
    done
} >"$made/tsv"
if [ -z "${2:-}" ]; then
    cp "$made/tsv" "$here/registers.tsv"
elif [ "$(head -1 "$here/registers.tsv")" = "# ptxas $version" ]; then
    diff "$here/registers.tsv" "$made/tsv" || { echo "$0: registers.tsv is stale; run assemble.sh and commit the result" >&2; exit 1; }
else
    echo "every kernel assembles with ptxas $version; the registers are those of another version and were not compared"
fi
