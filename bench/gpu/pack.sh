#!/usr/bin/env bash
# Makes a folder that checks a GPU on a machine without .NET: the program, the .NET runtime of this machine, the shipped model, a random Llama and check.sh.
# Usage: pack.sh FOLDER [MODEL…]     further models (folders in the Hugging Face layout) are validated as well
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
out=${1:?usage: pack.sh FOLDER [MODEL…]}
shift
dotnet=$(dirname "$(readlink -f "$(command -v dotnet)")")
version=$(dotnet --list-runtimes | awk '$1 == "Microsoft.NETCore.App" { print $2 }' | sort -V | tail -1)
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
