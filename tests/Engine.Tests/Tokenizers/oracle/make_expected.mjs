// Writes the fixtures: small tokenizer.json files, the variants of them, and the ids and texts that the original tokenizers library
// (its Rust build for node) gives for every string. Where the JavaScript port differs from it, the original counts.
// Usage: npm install && node make_expected.mjs
import fs from 'node:fs';
import { Tokenizer } from 'tokenizers';
import { bases } from './bases.mjs';
import { strings } from './corpus.mjs';
import { build, variants } from './variants.mjs';

const folder = new URL('../fixtures/', import.meta.url);
fs.mkdirSync(folder, { recursive: true });
for (const [name, content] of Object.entries(bases))
    fs.writeFileSync(new URL(`${name}.json`, folder), JSON.stringify(content) + '\n');

const lines = [];
for (const [index, variant] of variants.entries()) {
    const tokenizer = Tokenizer.fromString(JSON.stringify(build(variant)));
    // The bases see every string, the variants every fifth, a different one of five each.
    const isBase = variant.name === variant.base;
    const ids = [], texts = {};
    const first = isBase ? 0 : index % 5, step = isBase ? 1 : 5;
    for (let i = first; i < strings.length; i += step) {
        const encoded = (await tokenizer.encode(strings[i], null, { addSpecialTokens: false })).getIds();
        const text = await tokenizer.decode(encoded, false);
        ids.push(encoded.join(' '));
        if (text !== strings[i])
            texts[i] = text; // Only what does not come back as it was.
    }
    lines.push(JSON.stringify({ ...variant, first, step, ids, texts }));
}
fs.writeFileSync(new URL('strings.json', folder), JSON.stringify(strings) + '\n');
fs.writeFileSync(new URL('expected.jsonl', folder), lines.join('\n') + '\n');
