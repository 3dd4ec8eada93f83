#!/usr/bin/env bash
# Checks and times a GPU with the folder that pack.sh made: what `faith devices` sees, every operation against the CPU's, every operation against
# the card's ceilings, EAP-IG in examples a second with exact products, with those of tensor cores and with cuBLAS's, and, where it is installed, beside PyTorch's
# gradients alone. Everything goes into
# check.json and check.md. Needs a driver, tar and xz. A step that fails, or takes more than LIMIT seconds (120), is noted and the
# rest goes on.
# Usage: check.sh [device [folder for the results]]     default: cuda .
set -uo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
device=${1:-cuda} out=${2:-.}
runtime=$(mktemp -d)
trap 'rm -rf "$runtime"' EXIT
mkdir -p "$out"
tar -C "$runtime" -xJf "$here/runtime.tar.xz"
export DOTNET_ROOT=$runtime DOTNET_CLI_TELEMETRY_OPTOUT=1
faith=("$runtime/dotnet" "$here/program/faith.dll")
rm -f "$out"/*.step.json
{ echo "# A GPU checked"; echo; date -u '+%Y-%m-%d %H:%M UTC'; } >"$out/check.md"
step() {           # title, command…
    echo "== $1" >&2
    { echo; echo "## $1"; echo; echo '```'; } >>"$out/check.md"
    timeout "${LIMIT:-120}" "${@:2}" >>"$out/check.md" 2>&1 || echo "failed with exit code $?" >>"$out/check.md"
    echo '```' >>"$out/check.md"
}
step "Devices" "${faith[@]}" devices --warm
for model in "$here"/models/*; do
    name=$(basename "$model")
    data=ioi
    [ -e "$model/data.jsonl" ] && data=$model/data.jsonl
    for products in exact tensor; do
        step "Every operation against the CPU's: $name, $products products" "${faith[@]}" attribute --model "$model" --data "$data" --examples 20 --device "$device" --products $products --validate \
            --out "$out/$name.$products.scores.json"
    done
done
for products in exact tensor; do
    step "Operations of GPT-2 small at 1024 rows, $products products" "${faith[@]}" bench --shape gpt2 --what operations --rows 1024 --device "$device" --products $products --json "$out/operations-$products.step.json"
    step "EAP-IG, GPT-2 small, $products products" "${faith[@]}" bench --shape gpt2 --examples 500 --device "$device" --products $products --json "$out/gpt2-$products.step.json"
    step "EAP-IG, shape of Llama-3.2-1B, $products products" "${faith[@]}" bench --shape llama-1b --examples 100 --runs 5 --device "$device" --products $products --json "$out/llama-1b-$products.step.json"
done
step "EAP-IG, GPT-2 small, cuBLAS" "${faith[@]}" bench --shape gpt2 --examples 500 --device "$device" --cublas --json "$out/gpt2-cublas.step.json"
step "EAP, GPT-2 small" "${faith[@]}" bench --shape gpt2 --examples 500 --method eap --device "$device" --json "$out/gpt2-eap.step.json"
if python3 -c 'import torch; assert torch.cuda.is_available()' 2>/dev/null; then
    step "PyTorch's gradients alone, GPT-2 small" python3 "$here/pytorch/gradients.py" --shape gpt2 --examples 500 --batch 100 --device cuda --json "$out/pytorch-gpt2.step.json"
    step "PyTorch's gradients alone, shape of Llama-3.2-1B" python3 "$here/pytorch/gradients.py" --shape llama-1b --examples 100 --batch 50 --runs 5 --device cuda --json "$out/pytorch-llama-1b.step.json"
else
    echo "note: PyTorch with CUDA is not installed; nothing is compared with it" | tee -a "$out/check.md" >&2
fi
# What a step's JSON says by this name, first.
number() { [ ! -e "$out/$1.step.json" ] || tr ',{}' '\n' <"$out/$1.step.json" | sed -n "s/^ *\"$2\" *: *\([0-9][0-9.eE+-]*\) *$/\1/p" | head -1; }
{
    echo
    echo "## Examples a second"
    echo
    echo "| EAP-IG | exact | tensor | cuBLAS | PyTorch's gradients alone |"
    echo "|---|---|---|---|---|"
    for shape in gpt2 llama-1b; do
        echo "| $shape | $(number $shape-exact examples_per_second) | $(number $shape-tensor examples_per_second) | $(number $shape-cublas examples_per_second) | $(number pytorch-$shape examples_per_second) |"
    done
} >>"$out/check.md"
{
    printf '{'
    separator=
    for file in "$out"/*.step.json; do
        [ -e "$file" ] || continue
        printf '%s\n"%s": ' "$separator" "$(basename "$file" .step.json)"
        cat "$file"
        separator=,
    done
    printf '\n}\n'
} >"$out/check.json"
rm -f "$out"/*.step.json
echo "$out/check.md and $out/check.json" >&2
