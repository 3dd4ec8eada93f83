// The gradients of attention at its queries and, by a second kernel, at its keys and values. Those of short suffixes are
// AttentionBackwardShort.cu's.
//
// Bytes: for dq each of q, context and their gradients once, k and v once for every block of warps·each queries; for dk and dv each of k, v
// and their gradients once, q and the gradient of context for every block of warps·each keys. Operations a pair of query and key:
// 6·headDim for dq, 8·headDim for dk and dv.
#include "attention.cuh"

// Sets dq, and dots[row, head] = dContext·context for the next kernel.
template <int DI, int each, int warps> DEVICE void attentionBackwardQueries(const AttentionParameters &p) {
    __shared__ __attribute__((aligned(16))) float queries[warps * each * 32 * DI], gradients[warps * each * 32 * DI];
    __shared__ float tile[keysATile * (32 * DI + 1)];
    const Sequence s = Sequence::at(p, blockX() / p.tiles, blockY());
    const int start = blockX() % p.tiles * warps * each, first = start + warp() * each, headDim = p.headDim;
    if (start >= s.queries) return;
    loadRows<DI, warps>(queries, warps * each, headDim, [&](int i) { return s.query(p.q, start + i, p); });
    loadRows<DI, warps>(gradients, warps * each, headDim, [&](int i) { return s.query(p.dContext, start + i, p); });
    float dot[each], acc[each][DI] = {};
    Normalizer normalizer[each] = {};
    const float mineOfDots = lane() < each ? dotOfContext(p, s, first + lane()) : 0.f;
    if (lane() < each && first + lane() < s.queries) p.dots.row(s.queryRow + first + lane())[s.head] = mineOfDots;
    UNROLL for (int i = 0; i < each; i++) {
        dot[i] = broadcast(mineOfDots, i);
        if (first + i < s.queries) normalizer[i] = Normalizer::of(p, s.queryRow + first + i, s.head);
    }
    const int seen = s.visible(minimum(start + warps * each, s.queries) - 1), mine = warp() * each * 32 * DI;
    for (int tileStart = 0; tileStart < seen; tileStart += keysATile) {
        auto key = [&](int j) { return tileStart + j < seen ? s.key(p.prefixK, p.k, tileStart + j, p) : nullptr; };
        auto value = [&](int j) { return tileStart + j < seen ? s.key(p.prefixV, p.v, tileStart + j, p) : nullptr; };
        float probability[each], slope[each];
        loadTile<DI, warps>(tile, headDim, key);
        barrier();
        products<DI>(queries + mine, tile, headDim, probability);
        barrier();
        loadTile<DI, warps>(tile, headDim, value);
        barrier();
        products<DI>(gradients + mine, tile, headDim, slope);
        barrier();
        UNROLL for (int i = 0; i < each; i++) {
            const bool visible = first + i < s.queries && tileStart + lane() < s.visible(first + i);
            slope[i] = visible ? normalizer[i].probability(probability[i] * p.scale) * (slope[i] - dot[i]) * p.scale : 0.f;
        }
        loadTile<DI, warps>(tile, headDim, key);
        barrier();
        accumulate<DI>(tile, slope, acc);
        barrier();
    }
    writeRows<DI>(p.dq, s.queryRow, first, s.queries, s.head, headDim, acc);
}

// Sets dk and dv, one block of columns a query head. Reads dots.
template <int DI, int each, int warps> DEVICE void attentionBackwardKeys(const AttentionParameters &p) {
    __shared__ __attribute__((aligned(16))) float keys[warps * each * 32 * DI], values[warps * each * 32 * DI];
    __shared__ float tile[keysATile * (32 * DI + 1)];
    const Sequence s = Sequence::at(p, blockX() / p.tiles, blockY());
    const int start = blockX() % p.tiles * warps * each, first = start + warp() * each, headDim = p.headDim;
    if (start >= s.length) return;
    loadRows<DI, warps>(keys, warps * each, headDim, [&](int i) { return s.suffixKey(p.k, start + i, p); });
    loadRows<DI, warps>(values, warps * each, headDim, [&](int i) { return s.suffixKey(p.v, start + i, p); });
    float dk[each][DI] = {}, dv[each][DI] = {};
    // The first query that sees the block's first key, down to a whole tile.
    const int firstQuery = maximum(start - (s.length - s.queries), 0) / keysATile * keysATile, mine = warp() * each * 32 * DI;
    for (int tileStart = firstQuery; tileStart < s.queries; tileStart += keysATile) {
        auto query = [&](int i) { return s.query(p.q, tileStart + i, p); };
        auto gradient = [&](int i) { return s.query(p.dContext, tileStart + i, p); };
        const int asking = tileStart + lane();
        const Normalizer normalizer = asking < s.queries ? Normalizer::of(p, s.queryRow + asking, s.head) : Normalizer{};
        const float dot = asking < s.queries ? p.dots.row(s.queryRow + asking)[s.head] : 0.f;
        float probability[each], slope[each];
        loadTile<DI, warps>(tile, headDim, query);
        barrier();
        products<DI>(keys + mine, tile, headDim, probability);
        barrier();
        loadTile<DI, warps>(tile, headDim, gradient);
        barrier();
        products<DI>(values + mine, tile, headDim, slope);
        UNROLL for (int i = 0; i < each; i++) {
            const bool visible = asking < s.queries && first + i < s.length && s.prefixLength + first + i < s.visible(asking);
            probability[i] = visible ? normalizer.probability(probability[i] * p.scale) : 0.f;
            slope[i] = probability[i] * (slope[i] - dot) * p.scale;
        }
        accumulate<DI>(tile, probability, dv);
        barrier();
        loadTile<DI, warps>(tile, headDim, query);
        barrier();
        accumulate<DI>(tile, slope, dk);
        barrier();
    }
    writeRows<DI>(p.dk, s.row, first, s.length, s.head, headDim, dk);
    writeRows<DI>(p.dv, s.row, first, s.length, s.head, headDim, dv);
}

#define ATTENTION_QUERIES(name, DI, each, warps, ...) \
    KERNEL(__VA_ARGS__) attention_backward_queries_##name(AttentionParameters p) { attentionBackwardQueries<DI, each, warps>(p); }
#define ATTENTION_KEYS(name, DI, each, warps, blocks) \
    KERNEL(32 * warps, blocks) attention_backward_keys_##name(AttentionParameters p) { attentionBackwardKeys<DI, each, warps>(p); }

ATTENTION_QUERIES(64_four, 2, 4, 8, 256)
ATTENTION_QUERIES(64_one, 2, 1, 8, 256, 5)
ATTENTION_QUERIES(128_two, 4, 2, 8, 256, 4)
ATTENTION_QUERIES(128_one, 4, 1, 8, 256, 5)
ATTENTION_QUERIES(256_one, 8, 1, 4, 128, 4)
ATTENTION_KEYS(64_four, 2, 4, 8, 3)
ATTENTION_KEYS(128_two, 4, 2, 8, 4)
ATTENTION_KEYS(256_one, 8, 1, 4, 4)
