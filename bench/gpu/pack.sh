#!/usr/bin/env bash
# Makes a folder that checks a GPU on a machine without .NET: the program, the .NET runtime of this machine, the shipped model, a random Llama and check.sh.
# Usage: pack.sh FOLDER [MODEL…]     further models (folders in the Hugging Face layout) are validated as well
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
out=${1:?usage: pack.sh FOLDER [MODEL…]}
shift
# Where the newest runtime lies, which need not be beside the command: "Microsoft.NETCore.App 10.0.1 [/usr/share/dotnet/shared/Microsoft.NETCore.App]".
read -r version shared < <(dotnet --list-runtimes | sed -n 's/^Microsoft\.NETCore\.App \([^ ]*\) \[\(.*\)\]$/\1 \2/p' | sort -V | tail -1)
dotnet=$(dirname "$(dirname "$shared")")
mkdir -p "$out/models" "$out/pytorch"
dotnet publish "$root/src/Cli" -c Release -v quiet -nologo -o "$out/program" -p:UseAppHost=false -p:DebugType=none
rm -f "$out"/program/*.xml
cp -r "$root/weights/tasks-4l" "$out/models/"
python3 "$here/random_llama.py" "$out/models/random-llama"
for model; do cp -rL "$model" "$out/models/"; done
cp "$root"/bench/pytorch/{gradients,measure,model}.py "$out/pytorch/"
cp "$here/check.sh" "$out/"
# The runtime as tar.xz: 79 MB become 22.
tar -C "$dotnet" -cJf "$out/runtime.tar.xz" dotnet host "shared/Microsoft.NETCore.App/$version"
du -sm "$out" | awk '{ print $1 " MB in " $2 }'
