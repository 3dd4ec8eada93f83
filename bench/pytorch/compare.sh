#!/usr/bin/env bash
# Times `faith bench` and the PyTorch scripts in turn (A B C D, A B C D, ...) and prints the medians of the rounds' ratios.
# Usage: compare.sh [shape [rounds [threads [examples]]]]     default: gpt2 5 <cores> 20
# Environment: PYTHON (python3), TOKENS (16), BATCH (10, PyTorch's), STEPS (5), LAYERS (the shape's), RESULTS (a folder to keep the JSON files in),
#              FAITH (a command that runs faith; default: built from this checkout)
set -euo pipefail

shape=${1:-gpt2} rounds=${2:-5} threads=${3:-$(nproc)} examples=${4:-20}
python=${PYTHON:-python3} tokens=${TOKENS:-16} batch=${BATCH:-10} steps=${STEPS:-5}
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)

# Both can make OpenBLAS take other kernels than the machine's own.
unset OPENBLAS_CORETYPE OPENBLAS_L2_SIZE

if [[ -n ${RESULTS:-} ]]; then
    results=$RESULTS
    mkdir -p "$results"
    rm -f "$results"/{gradients,faith,suffix,reference}-*.json
else
    results=$(mktemp -d)
    trap 'rm -rf "$results"' EXIT
fi

if [[ -n ${FAITH:-} ]]; then
    read -ra faith <<< "$FAITH"
else
    dotnet build -c Release -v quiet -nologo "$root/src/Cli" >&2
    faith=(dotnet run -c Release --no-build --project "$root/src/Cli" --)
fi

common=(--shape "$shape" --tokens "$tokens" --steps "$steps" --threads "$threads")
if [[ -n ${LAYERS:-} ]]; then common+=(--layers "$LAYERS"); fi

run_faith() {      # name, first difference
    "${faith[@]}" bench "${common[@]}" --method eap-ig --examples "$examples" --first-difference "$2" --device cpu \
        --json "$results/$1-$round.json" > /dev/null
}

run_python() {     # name, script, examples, runs
    "$python" "$here/$2" "${common[@]}" --batch "$batch" --examples "$3" --runs "$4" --json "$results/$1-$round.json" > /dev/null
}

for ((round = 1; round <= rounds; round++)); do
    echo "round $round of $rounds" >&2
    run_python gradients gradients.py "$examples" 5
    run_faith faith 0
    run_faith suffix 0.6667
    run_python reference eap_ig.py "$batch" 1    # no bar hangs on it: one batch, once, a round
done

"$python" "$here/summary.py" "$results"
