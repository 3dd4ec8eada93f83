// The gradients of AttentionBackward.cu for short suffixes in one kernel: a block works on one head of one sequence, forms every
// probability once and keeps dk and dv of the whole suffix in registers, 32 keys for each of `tiles`. The prefix may be of any length.
//
// Every sum is the chain of AttentionBackward.cu over the same terms in the same order, and a product of a query and a key is the same
// whichever is read first. So the results have the bits of AttentionBackward.cu, and which of the two runs may depend on the other sequences.
//
// Bytes: each of q, context, the gradients and dq once, dk and dv once, k and v once for every warps·each queries. Operations a pair
// of query and key: 10·headDim, 6·headDim for a key of the prefix.
#include "attention.cuh"

// acc[i] += Σ_j weights[i][j]·tile[j] over the keys, which come in fours: weights past the last are zero.
template <int DI, int each> DEVICE void accumulateKeys(const float *weights, const float *tile, int keys, float (&acc)[each][DI]) {
    for (int j = 0; j < keys; j += 4) {
        Float4 w[each];
        UNROLL for (int i = 0; i < each; i++) w[i] = *(const Float4 *)(weights + i * keysATile + j);
        UNROLL for (int u = 0; u < 4; u++)
            UNROLL for (int c = 0; c < DI; c++) {
                const float t = tile[(j + u) * (32 * DI + 1) + lane() + 32 * c];
                UNROLL for (int i = 0; i < each; i++) acc[i][c] = __builtin_fmaf(w[i][u], t, acc[i][c]);
            }
    }
}

// acc[j] += Σ_i weights[i][j]·rows[i] over the queries, for four neighbouring keys j.
template <int DI> DEVICE void accumulateQueries(const float *weights, const float *rows, int queries, float (&acc)[4][DI]) {
    for (int i = 0; i < queries; i++) {
        const Float4 w = *(const Float4 *)(weights + i * keysATile);
        UNROLL for (int c = 0; c < DI; c++) {
            const float r = rows[i * 32 * DI + lane() + 32 * c];
            UNROLL for (int j = 0; j < 4; j++) acc[j][c] = __builtin_fmaf(w[j], r, acc[j][c]);
        }
    }
}

// Sets dq, dk and dv, the latter two one block of columns a query head.
template <int DI, int each, int warps, int tiles> DEVICE void attentionBackwardShort(const AttentionParameters &p) {
    static_assert(keysATile == 4 * warps, "a warp sums four keys of a tile");
    constexpr int block = warps * each;
    __shared__ __attribute__((aligned(16))) float queries[block * 32 * DI], gradients[block * 32 * DI];
    __shared__ __attribute__((aligned(16))) float probabilities[block * keysATile], slopes[block * keysATile];
    __shared__ Normalizer normalizers[block];
    __shared__ float dots[block], tile[keysATile * (32 * DI + 1)];
    const Sequence s = Sequence::at(p, blockX(), blockY());
    const int headDim = p.headDim, mine = warp() * each * 32 * DI, myWeights = warp() * each * keysATile;
    float dk[tiles][4][DI] = {}, dv[tiles][4][DI] = {};
    for (int start = 0; start < s.queries; start += block) {
        const int first = start + warp() * each, count = minimum(block, s.queries - start), seen = s.visible(start + count - 1);
        const bool asking = first < s.queries;
        // The last warp that asks reads rows past the last query, which are zero.
        const int filled = (count + each - 1) / each * each;
        loadRows<DI, warps>(queries, filled, headDim, [&](int i) { return s.query(p.q, start + i, p); });
        loadRows<DI, warps>(gradients, filled, headDim, [&](int i) { return s.query(p.dContext, start + i, p); });
        if (lane() < each) {
            const int i = warp() * each + lane();
            dots[i] = dotOfContext(p, s, start + i);
            normalizers[i] = i < count ? Normalizer::of(p, s.queryRow + start + i, s.head) : Normalizer{};
        }
        float dq[each][DI] = {};
        // Tiles of the prefix, then of the suffix.
        const int prefixTiles = (s.prefixLength + keysATile - 1) / keysATile;
        for (int number = 0;; number++) {
            const bool prefix = number < prefixTiles;
            const int from = prefix ? number * keysATile : s.prefixLength + (number - prefixTiles) * keysATile;
            const int to = minimum(from + keysATile, prefix ? s.prefixLength : seen);
            if (from >= seen) break;
            float product[each];
            loadTile<DI, warps>(tile, headDim, [&](int j) { return from + j < to ? s.key(p.prefixV, p.v, from + j, p) : nullptr; });
            barrier();
            if (asking) {
                products<DI>(gradients + mine, tile, headDim, product);
                UNROLL for (int i = 0; i < each; i++) slopes[myWeights + i * keysATile + lane()] = product[i];
            }
            barrier();
            loadTile<DI, warps>(tile, headDim, [&](int j) { return from + j < to ? s.key(p.prefixK, p.k, from + j, p) : nullptr; });
            barrier();
            if (asking) {
                products<DI>(queries + mine, tile, headDim, product);
                UNROLL for (int i = 0; i < each; i++) {
                    const int query = warp() * each + i, weight = query * keysATile + lane();
                    const bool visible = first + i < s.queries && from + lane() < minimum(to, s.visible(first + i));
                    const float probability = visible ? normalizers[query].probability(product[i] * p.scale) : 0.f;
                    probabilities[weight] = probability;
                    slopes[weight] = probability * (slopes[weight] - dots[query]) * p.scale;
                }
            }
            barrier();
            if (asking) accumulateKeys<DI>(slopes + myWeights, tile, to - from, dq);
            UNROLL for (int t = 0; t < tiles; t++)
                if (number - prefixTiles == t && from + 4 * warp() < to) {
                    accumulateQueries<DI>(probabilities + 4 * warp(), gradients, count, dv[t]);
                    accumulateQueries<DI>(slopes + 4 * warp(), queries, count, dk[t]);
                }
            barrier();
        }
        writeRows<DI>(p.dq, s.queryRow, first, s.queries, s.head, headDim, dq);
    }
    UNROLL for (int t = 0; t < tiles; t++) {
        writeRows<DI>(p.dk, s.row, t * keysATile + 4 * warp(), s.length, s.head, headDim, dk[t]);
        writeRows<DI>(p.dv, s.row, t * keysATile + 4 * warp(), s.length, s.head, headDim, dv[t]);
    }
}

// Named by the head width up to which they serve. The suffixes have up to 64 and 32 rows: as many as leave room for two blocks a
// multiprocessor, which has 65,536 registers.
KERNEL(256) attention_backward_short_64(AttentionParameters p) { attentionBackwardShort<2, 4, 8, 2>(p); }
KERNEL(256) attention_backward_short_128(AttentionParameters p) { attentionBackwardShort<4, 2, 8, 1>(p); }
