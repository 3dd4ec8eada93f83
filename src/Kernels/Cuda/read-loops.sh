#!/bin/sh
# Prints what the machine code of the hot loops shows, for docs/gpu.md: the innermost loop with the most multiply-adds of every kernel
# that is named, as ptxas makes it for sm_90. Nothing is run. ptxas is $PTXAS or the one in PATH; cuobjdump stands beside it.
#   read-loops.sh [KERNEL …]
set -eu
LC_ALL=C
export LC_ALL
cd "$(dirname "$0")"
ptxas=$(command -v "${PTXAS:-ptxas}") || { echo "$0: ptxas is not here; see assemble-ptx.sh" >&2; exit 2; }
[ $# -gt 0 ] || set -- gemm_f32_large gemm_f32_transposed_large gemm_f32_medium gemm_f32_small contract_tiles_f32_32 contract_tiles_f32_40 attention_forward_64_four
made=$(mktemp -d)
trap 'rm -rf "$made"' EXIT
"$ptxas" -arch=sm_90 kernels.ptx -o "$made/cubin"
echo "| kernel | instructions | multiply-adds | shared loads of 16, 8, 4 bytes | global loads of 16 bytes | by instructions | by shared loads |"
echo "|---|---|---|---|---|---|---|"
for kernel; do
    "$(dirname "$ptxas")/cuobjdump" -sass -fun "$kernel" "$made/cubin" | awk -v kernel="$kernel" '
        # /*0d90*/ @P1 BRA 0xea0 ; /* 0x… */
        $1 !~ /^\/\*[0-9a-f]+\*\/$/ { next }
        {
            address = substr($1, 3, length($1) - 4)
            code[++lines] = $2 ~ /^@/ ? $3 : $2
            line[address] = lines
        }
        # A branch backwards ends a loop, an innermost one where it starts behind the end of the one before.
        code[lines] == "BRA" {
            target = $0
            sub(/ ;.*/, "", target)
            sub(/.*0x/, "", target)
            while (length(target) < length(address)) target = "0" target
            if (!(target in line) || line[target] <= end) next
            split("", count)
            for (i = line[target]; i <= lines; i++) count[code[i]]++
            if (count["FFMA"] > most) {
                most = count["FFMA"]
                all = lines - line[target] + 1
                shared = 2 * count["LDS.128"] + count["LDS.64"] + count["LDS"]
                loads = count["LDS.128"] + 0 ", " count["LDS.64"] + 0 ", " count["LDS"] + 0
                global = count["LDG.E.128"] + 0
            }
            end = lines
        }
        END {
            share = most / (4 * shared)
            printf "| %s | %d | %d | %s | %d | %.0f%% | %.0f%% |\n", kernel, all, most, loads, global, 100 * most / all, 100 * (share < 1 ? share : 1)
        }'
done
