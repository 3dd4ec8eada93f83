"""Byte-level BPE in the layout of GPT-2: learnt from the corpus until every word of it is one token.

The merges for digits come first and are fixed: a space and two digits, then pairs of digits, so that " 1352" is " 13" and "52" and a
year is always a century and a two-digit number. The words share no character with them, so the two parts do not interact.
"""
import json
import re
from collections import Counter

END_OF_TEXT = "<|endoftext|>"

# The pre-tokenizer of GPT-2 for ASCII, which is all the corpus has: \p{L} is [A-Za-z] there and \p{N} is [0-9].
PRETOKEN = re.compile(r"'s|'t|'re|'ve|'m|'ll|'d| ?[A-Za-z]+| ?[0-9]+| ?[^\sA-Za-z0-9]+|\s+(?!\S)|\s+")


def byte_characters():
    """The printable character that stands for each byte: GPT-2's table, in the order of GPT-2's first 256 ids."""
    printable = list(range(0x21, 0x7F)) + list(range(0xA1, 0xAD)) + list(range(0xAE, 0x100))
    table = {b: chr(b) for b in printable}
    for b in range(256):
        if b not in table:
            table[b] = chr(0x100 + len(table) - len(printable))
    return table


BYTES = byte_characters()


def symbols(pretoken):
    return [BYTES[b] for b in pretoken.encode("utf-8")]


def merge(parts, pair):
    """Every occurrence of a pair made one symbol, from the left."""
    out, i = [], 0
    while i < len(parts):
        if i + 1 < len(parts) and (parts[i], parts[i + 1]) == pair:
            out.append(parts[i] + parts[i + 1])
            i += 2
        else:
            out.append(parts[i])
            i += 1
    return out


def learn(texts):
    """The merges, in order of rank, from an iterable of texts."""
    space = BYTES[0x20]
    digits = "0123456789"
    merges = [(space, d) for d in digits]
    merges += [(space + a, b) for a in digits for b in digits]
    merges += [(a, b) for a in digits for b in digits]

    found = {pretoken for text in texts for pretoken in PRETOKEN.findall(text)}
    words = [symbols(word) for word in sorted(found) if not any(c.isdigit() for c in word)]
    while True:
        # Each word counts once: how often the generators use it says nothing about the language.
        pairs = Counter(pair for word in words for pair in set(zip(word, word[1:])))
        if not pairs:
            return merges
        best = min(pairs, key=lambda pair: (-pairs[pair], pair))
        merges.append(best)
        words = [merge(word, best) for word in words]


class Tokenizer:
    def __init__(self, merges):
        self.merges = [tuple(pair) for pair in merges]
        self.ranks = {pair: rank for rank, pair in enumerate(self.merges)}
        tokens = list(BYTES[b] for b in sorted(BYTES, key=lambda b: BYTES[b])) + [a + b for a, b in self.merges]
        self.vocabulary = {token: i for i, token in enumerate(dict.fromkeys(tokens))}
        self.end_of_text = len(self.vocabulary)
        self.size = self.end_of_text + 1
        self.known = {}

    def encode(self, text):
        """Ids of a text, nothing prepended."""
        ids = []
        for pretoken in PRETOKEN.findall(text):
            if pretoken not in self.known:
                parts = symbols(pretoken)
                while len(parts) > 1:
                    pair = min(zip(parts, parts[1:]), key=lambda p: self.ranks.get(p, len(self.ranks)))
                    if pair not in self.ranks:
                        break
                    parts = merge(parts, pair)
                self.known[pretoken] = [self.vocabulary[part] for part in parts]
            ids += self.known[pretoken]
        return ids

    def token(self, text):
        """The id of a text that has to be one token."""
        ids = self.encode(text)
        if len(ids) != 1:
            raise SystemExit(f"{text!r} is {len(ids)} tokens")
        return ids[0]

    def save(self, folder):
        special = {"id": self.end_of_text, "content": END_OF_TEXT, "single_word": False, "lstrip": False, "rstrip": False,
                   "normalized": False, "special": True}
        byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
        write(folder / "tokenizer.json", {
            "version": "1.0", "truncation": None, "padding": None, "added_tokens": [special], "normalizer": None,
            "pre_tokenizer": byte_level, "post_processor": byte_level, "decoder": byte_level,
            "model": {
                "type": "BPE", "dropout": None, "unk_token": None, "continuing_subword_prefix": "", "end_of_word_suffix": "",
                "fuse_unk": False, "byte_fallback": False,
                "vocab": {**self.vocabulary, END_OF_TEXT: self.end_of_text},
                "merges": [" ".join(pair) for pair in self.merges],
            },
        })
        write(folder / "tokenizer_config.json", {
            "tokenizer_class": "GPT2Tokenizer", "add_prefix_space": False, "add_bos_token": False, "bos_token": END_OF_TEXT,
            "eos_token": END_OF_TEXT, "unk_token": END_OF_TEXT, "clean_up_tokenization_spaces": False, "model_max_length": 64,
        })

    @staticmethod
    def load(folder):
        read = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))
        tokenizer = Tokenizer(pair.split(" ") for pair in read["model"]["merges"])
        assert {**tokenizer.vocabulary, END_OF_TEXT: tokenizer.end_of_text} == read["model"]["vocab"]
        return tokenizer


def write(path, value):
    path.write_text(json.dumps(value, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
