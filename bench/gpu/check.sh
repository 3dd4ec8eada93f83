#!/usr/bin/env bash
# Checks and times a GPU with the folder that pack.sh made: what `faith devices` sees, every operation against the CPU's, every operation against
# the card's ceilings, EAP-IG in examples a second with exact products, with those of tensor cores and with cuBLAS's, and, where it is installed, beside PyTorch's
# gradients alone. Everything goes into
# check.json and check.md. Needs a driver, tar and xz. A step that fails, or takes more than LIMIT seconds (120), is noted and the
# rest goes on.
# Usage: check.sh [device [folder for the results]]     default: cuda .
# To try the script itself where there is no card: SMALL=1 LIMIT=900 check.sh opencl:0 takes every step with small shapes on a CPU that OpenCL offers, and PyTorch's on the CPU.
set -uo pipefail
gpt=gpt2 llama=llama-1b rows=1024 examples=500 few=100 batch=50 torch=cuda layers=()
if [ -n "${SMALL:-}" ]; then gpt=stories260k llama=stories15m rows=32 examples=4 few=2 batch=2 torch=cpu layers=(--layers 1); fi
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
    step "Operations of $gpt at $rows rows, $products products" "${faith[@]}" bench --shape $gpt "${layers[@]}" --what operations --rows $rows --device "$device" --products $products --json "$out/operations-$products.step.json"
    step "EAP-IG, $gpt, $products products" "${faith[@]}" bench --shape $gpt "${layers[@]}" --examples $examples --device "$device" --products $products --json "$out/$gpt-$products.step.json"
    step "EAP-IG, $llama, $products products" "${faith[@]}" bench --shape $llama "${layers[@]}" --examples $few --runs 5 --device "$device" --products $products --json "$out/$llama-$products.step.json"
done
step "EAP-IG, $gpt, cuBLAS" "${faith[@]}" bench --shape $gpt "${layers[@]}" --examples $examples --device "$device" --cublas --json "$out/$gpt-cublas.step.json"
step "EAP, $gpt" "${faith[@]}" bench --shape $gpt "${layers[@]}" --examples $examples --method eap --device "$device" --json "$out/$gpt-eap.step.json"
if python3 -c "import torch; assert '$torch' == 'cpu' or torch.cuda.is_available()" 2>/dev/null; then
    step "PyTorch's gradients alone, $gpt" python3 "$here/pytorch/gradients.py" --shape $gpt "${layers[@]}" --examples $examples --batch $((2 * batch)) --device $torch --json "$out/pytorch-$gpt.step.json"
    step "PyTorch's gradients alone, $llama" python3 "$here/pytorch/gradients.py" --shape $llama "${layers[@]}" --examples $few --batch $batch --runs 5 --device $torch --json "$out/pytorch-$llama.step.json"
else
    echo "note: PyTorch with a device $torch is not installed; nothing is compared with it" | tee -a "$out/check.md" >&2
fi
# What a step's JSON says by this name, first.
number() { [ ! -e "$out/$1.step.json" ] || tr ',{}' '\n' <"$out/$1.step.json" | sed -n "s/^ *\"$2\" *: *\([0-9][0-9.eE+-]*\) *$/\1/p" | head -1; }
{
    echo
    echo "## Examples a second"
    echo
    echo "| EAP-IG | exact | tensor | cuBLAS | PyTorch's gradients alone |"
    echo "|---|---|---|---|---|"
    for shape in $gpt $llama; do
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
