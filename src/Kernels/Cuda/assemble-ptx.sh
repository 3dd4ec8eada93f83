#!/bin/sh
# Assembles kernels.ptx with ptxas, the compiler that NVIDIA's driver contains, and writes what it says of every kernel to
# kernels.registers.tsv: shared memory in bytes and, for each architecture, the registers of a thread and the bytes it spills
# (stored and loaded). Needed after every build-ptx.sh. ptxas is $PTXAS or the one in PATH.
#   assemble-ptx.sh          writes kernels.registers.tsv
#   assemble-ptx.sh --check  fails when a kernel does not assemble, and, where ptxas has the version of the committed file, when the
#                            file is not what it says; other versions allot registers otherwise, of which it notes new spills
set -eu
LC_ALL=C
export LC_ALL
cd "$(dirname "$0")"
case "${1:-}" in "" | --check) ;; *) echo "usage: assemble-ptx.sh [--check]" >&2; exit 2 ;; esac
ptxas=${PTXAS:-ptxas}
command -v "$ptxas" >/dev/null || {
    echo "$0: ptxas is not here: install Debian's non-free package nvidia-cuda-toolkit or any CUDA toolkit, or name one in PTXAS" >&2
    exit 2
}
made=$(mktemp -d)
trap 'rm -rf "$made"' EXIT
version=$("$ptxas" --version | sed -n 's/.*, V\([0-9.]*\)$/\1/p')
architectures="sm_80 sm_86 sm_89 sm_90"
for architecture in $architectures; do
    "$ptxas" -v -arch=$architecture kernels.ptx -o "$made/cubin" >"$made/$architecture" 2>&1 || { cat "$made/$architecture" >&2; exit 1; }
done
(
    cd "$made"
    awk '
        FNR == 1 { architecture = FILENAME; files++ }
        /Compiling entry function/ { split($0, quoted, "\047"); kernel = quoted[2]; if (files == 1) kernels[count++] = kernel }
        /bytes spill stores/ { spills[kernel, architecture] = $5 + $9 }
        /Used [0-9]+ registers/ {
            for (i = 2; i <= NF; i++) {
                if ($i ~ /^registers/) registers[kernel, architecture] = $(i - 1)
                if ($i ~ /^smem/) shared[kernel] = $(i - 2)
            }
        }
        END {
            printf "kernel\tshared"
            for (a = 1; a < ARGC; a++) printf "\t%s\tspills", ARGV[a]
            while (count--) {
                kernel = kernels[count]
                printf "\n%s\t%d", kernel, shared[kernel]
                for (a = 1; a < ARGC; a++) printf "\t%d\t%d", registers[kernel, ARGV[a]], spills[kernel, ARGV[a]]
            }
            print ""
        }' $architectures >table
)
{
    echo "# ptxas $version, kernels.ptx sha256 $(sha256sum kernels.ptx | cut -d ' ' -f 1)"
    cat "$made/table"
} >"$made/tsv"
if [ -z "${1:-}" ]; then
    cp "$made/tsv" kernels.registers.tsv
elif [ "$(sed -n '1s/,.*//p' kernels.registers.tsv)" = "# ptxas $version" ]; then
    cmp "$made/tsv" kernels.registers.tsv || { echo "$0: kernels.registers.tsv is stale; run assemble-ptx.sh and commit the result" >&2; exit 1; }
else
    awk -F '\t' '
        FNR < 3 { next }
        NR == FNR { for (i = 4; i <= NF; i += 2) known[$1, i] = $i; next }
        { for (i = 4; i <= NF; i += 2) if ($i > known[$1, i] + 0) print "note: " $1 " spills " $i " bytes, where " known[$1, i] + 0 " are known" }
    ' kernels.registers.tsv "$made/tsv"
    echo "every kernel assembles with ptxas $version; the registers are those of another version and were not compared"
fi
