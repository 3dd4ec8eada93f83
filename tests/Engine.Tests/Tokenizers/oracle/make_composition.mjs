// Writes src/Engine/Tokenizers/nfc.txt: decompositions ("C0=41 300"), compositions ("41 300=C0") and the marks of each class, a line each in
// the order of the classes, as the original tokenizers library applies them (its tables are older than the runtime's). Everything is
// found by asking its normalizers.
// Usage: npm install && node make_composition.mjs
import fs from 'node:fs';
import { fileURLToPath } from 'node:url';
import { nfcNormalizer, nfdNormalizer } from 'tokenizers';

const nfc = nfcNormalizer(), nfd = nfdNormalizer();
const text = (...codes) => String.fromCodePoint(...codes);
const codes = string => [...string].map(character => character.codePointAt(0));
const hex = list => list.map(code => code.toString(16).toUpperCase()).join(' ');

const canonical = [], composed = [], marks = [];
// U+0345 has the highest class of all and U+0334 the lowest, so a mark changes places with one of them or has one of their classes.
const highest = 0x345, lowest = 0x334;
for (let code = 0; code < 0x110000; code++) {
    if ((code >= 0xD800 && code <= 0xDFFF) || (code >= 0xAC00 && code <= 0xD7A3)) // Hangul syllables are arithmetic.
        continue;
    const self = text(code), full = nfd.normalizeString(self);
    if (full !== self) {
        canonical.push(`${hex([code])}=${hex(codes(full))}`);
        if (nfc.normalizeString(self) === self) {
            const parts = codes(full), last = parts.pop();
            composed.push([codes(nfc.normalizeString(text(...parts))), last, code]);
        }
    }
    if (full === self && (code === highest || code === lowest || nfd.normalizeString(text(highest, code)) === text(code, highest)))
        marks.push(code);
}
for (const [left, right, code] of composed) {
    if (left.length !== 1 || nfc.normalizeString(text(left[0], right)) !== text(code))
        throw new Error(`no pair composes to ${hex([code])}`);
}

const greater = (a, b) => nfd.normalizeString(text(a, b)) === text(b, a);
const classes = [];
for (const mark of marks) {
    let low = 0, high = classes.length;
    while (low < high) {
        const middle = (low + high) >> 1;
        if (greater(mark, classes[middle][0]))
            low = middle + 1;
        else
            high = middle;
    }
    if (low < classes.length && !greater(classes[low][0], mark) && mark !== classes[low][0])
        classes[low].push(mark);
    else
        classes.splice(low, 0, [mark]);
}
const ranges = list => {
    const runs = [];
    for (const code of list) {
        if (runs.length > 0 && code === runs.at(-1)[1] + 1)
            runs.at(-1)[1] = code;
        else
            runs.push([code, code]);
    }
    return runs.map(([start, end]) => start === end ? hex([start]) : `${hex([start])}-${hex([end])}`).join(' ');
};

const lines = [...canonical, ...composed.map(([left, right, code]) => `${hex([left[0], right])}=${hex([code])}`), ...classes.map(ranges)];
fs.writeFileSync(fileURLToPath(new URL('../../../../src/Engine/Tokenizers/nfc.txt', import.meta.url)), lines.join('\n') + '\n');
console.log(`${canonical.length} canonical, ${composed.length} composed, ${classes.length} classes of ${marks.length} marks`);
