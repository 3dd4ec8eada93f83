// Attention, and what its gradients need to form the probabilities again.
//
// Bytes: each of q and context once, k and v once for every block of warps·each queries. Operations a pair of query and key: 4·headDim.
#include "attention.cuh"

// Sets context and normalizers.
template <int DI, int each, int warps> DEVICE void attentionForward(const AttentionParameters &p) {
    __shared__ __attribute__((aligned(16))) float queries[warps * each * 32 * DI];
    __shared__ float tile[keysATile * (32 * DI + 1)];
    const Sequence s = Sequence::at(p, blockX() / p.tiles, blockY());
    const int start = blockX() % p.tiles * warps * each, first = start + warp() * each, headDim = p.headDim;
    if (start >= s.queries) return;
    loadRows<DI, warps>(queries, warps * each, headDim, [&](int i) { return s.query(p.q, start + i, p); });

    float largest[each], sum[each], acc[each][DI] = {};
    UNROLL for (int i = 0; i < each; i++) largest[i] = -1e30f, sum[i] = 0.f;
    const int seen = s.visible(minimum(start + warps * each, s.queries) - 1);
    for (int tileStart = 0; tileStart < seen; tileStart += keysATile) {
        loadTile<DI, warps>(tile, headDim, [&](int j) { return tileStart + j < seen ? s.key(p.prefixK, p.k, tileStart + j, p) : nullptr; });
        barrier();
        float weight[each];
        products<DI>(queries + warp() * each * 32 * DI, tile, headDim, weight);
        UNROLL for (int i = 0; i < each; i++) {
            const bool visible = first + i < s.queries && tileStart + lane() < s.visible(first + i);
            const float score = weight[i] * p.scale, before = largest[i];
            largest[i] = maximum(before, overWarp<Maximum>(visible ? score : -1e30f));
            weight[i] = visible ? exponential(score - largest[i]) : 0.f;
            const float shrink = exponential(before - largest[i]);
            sum[i] = __builtin_fmaf(sum[i], shrink, overWarp<Add>(weight[i]));
            UNROLL for (int c = 0; c < DI; c++) acc[i][c] *= shrink;
        }
        barrier();
        loadTile<DI, warps>(tile, headDim, [&](int j) { return tileStart + j < seen ? s.key(p.prefixV, p.v, tileStart + j, p) : nullptr; });
        barrier();
        accumulate<DI>(tile, weight, acc);
        barrier();
    }
    UNROLL for (int i = 0; i < each; i++) {
        const float inverse = 1.f / sum[i];
        UNROLL for (int c = 0; c < DI; c++) acc[i][c] *= inverse;
        if (first + i < s.queries && lane() < 2) p.normalizers.row(s.queryRow + first + i)[2 * s.head + lane()] = lane() ? inverse : largest[i];
    }
    writeRows<DI>(p.context, s.queryRow, first, s.queries, s.head, headDim, acc);
}

#define ATTENTION_FORWARD(name, DI, each, warps) \
    KERNEL(32 * warps) attention_forward_##name(AttentionParameters p) { attentionForward<DI, each, warps>(p); }

ATTENTION_FORWARD(64_four, 2, 4, 8)
ATTENTION_FORWARD(64_one, 2, 1, 8)
ATTENTION_FORWARD(128_two, 4, 2, 8)
ATTENTION_FORWARD(128_one, 4, 1, 8)
ATTENTION_FORWARD(256_one, 8, 1, 4)
