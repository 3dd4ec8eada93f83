// The gradient of attention at its values where the probabilities count as constant.
//
// Bytes: each of k and dv once, q and the gradient of context for every block of warps·each keys. Operations a pair of query and key:
// 4·headDim.
#include "attention.cuh"

// Sets dv with the probabilities constant, one block of columns a query head.
template <int DI, int each, int warps> DEVICE void attentionBackwardValues(const AttentionParameters &p) {
    __shared__ __attribute__((aligned(16))) float keys[warps * each * 32 * DI];
    __shared__ float tile[keysATile * (32 * DI + 1)];
    const Sequence s = Sequence::at(p, blockX() / p.tiles, blockY());
    const int start = blockX() % p.tiles * warps * each, first = start + warp() * each, headDim = p.headDim;
    if (start >= s.length) return;
    loadRows<DI, warps>(keys, warps * each, headDim, [&](int i) { return s.suffixKey(p.k, start + i, p); });
    float dv[each][DI] = {};
    const int firstQuery = maximum(start - (s.length - s.queries), 0) / keysATile * keysATile;
    for (int tileStart = firstQuery; tileStart < s.queries; tileStart += keysATile) {
        const int asking = tileStart + lane();
        const Normalizer normalizer = asking < s.queries ? Normalizer::of(p, s.queryRow + asking, s.head) : Normalizer{};
        float probability[each];
        loadTile<DI, warps>(tile, headDim, [&](int i) { return s.query(p.q, tileStart + i, p); });
        barrier();
        products<DI>(keys + warp() * each * 32 * DI, tile, headDim, probability);
        barrier();
        UNROLL for (int i = 0; i < each; i++) {
            const bool visible = asking < s.queries && first + i < s.length && s.prefixLength + first + i < s.visible(asking);
            probability[i] = visible ? normalizer.probability(probability[i] * p.scale) : 0.f;
        }
        loadTile<DI, warps>(tile, headDim, [&](int i) { return s.query(p.dContext, tileStart + i, p); });
        barrier();
        accumulate<DI>(tile, probability, dv);
        barrier();
    }
    writeRows<DI>(p.dv, s.row, first, s.length, s.head, headDim, dv);
}

#define ATTENTION_VALUES(name, DI, each, warps, blocks) \
    KERNEL(32 * warps, blocks) attention_backward_values_##name(AttentionParameters p) { attentionBackwardValues<DI, each, warps>(p); }

ATTENTION_VALUES(64_four, 2, 4, 8, 3)
ATTENTION_VALUES(64_one, 2, 1, 8, 5)
ATTENTION_VALUES(128_two, 4, 2, 8, 4)
ATTENTION_VALUES(128_one, 4, 1, 8, 5)
ATTENTION_VALUES(256_one, 8, 1, 4, 4)
