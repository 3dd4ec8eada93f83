// Causal softmax attention over packed sequences of different lengths, each with an optional prefix of keys and values.
// Nothing of size queries × keys is stored: the forward pass keeps log Σ exp, from which the backward pass forms the
// probabilities again (Dao et al. 2022).
//
// A warp works on `each` queries (keys in the last two kernels) of one head of one sequence; tiles of 32 keys (queries) pass
// through shared memory, one a lane in the products over the columns, and 32 columns a lane-step in the sums over the tile.
// Tiles start at key (query) 0 of the sequence, so a row's bits depend on its own sequence only. Head widths up to 256.
//
// Bytes: each of q, context (and their gradients) once, k and v once for every block of warps·each queries. Operations a pair of query and
// key: 4·headDim forward, 6·headDim for dq, 8·headDim for dk and dv, and 4·headDim for dv alone.
#pragma once
#include "prelude.cuh"

struct AttentionParameters {
    Tensor q, k, v, prefixK, prefixV, context, logSumExp;
    Tensor dContext, dq, dk, dv, dots; // the backward pass's; dots is rows × heads
    Indices offsets, queryOffsets, prefixOffsets, prefixLengths;
    int headDim, suffixGroup, prefixGroup, tiles; // tiles: blocks of one head of the longest sequence
    float scale;
};

static constexpr int keysATile = 32;

// One sequence as one head sees it.
struct Sequence {
    int head, row, length, queryRow, queries, prefixRow, prefixLength;

    DEVICE Sequence at(const AttentionParameters &p, int s, int head) {
        const int row = p.offsets[s], queryRow = p.queryOffsets[s];
        return {head, row, p.offsets[s + 1] - row, queryRow, p.queryOffsets[s + 1] - queryRow, p.prefixOffsets[s], p.prefixLengths[s]};
    }
    // Columns of query i in a matrix that has one row a query, or null past the last query.
    __device__ const float *query(const Tensor &x, int i, const AttentionParameters &p) const {
        return i < queries ? x.row(queryRow + i) + head * p.headDim : nullptr;
    }
    // Keys that query i sees.
    __device__ int visible(int i) const { return prefixLength + length - queries + i + 1; }
    // Columns of key j of the suffix, or null past the last one.
    __device__ const float *suffixKey(const Tensor &suffix, int j, const AttentionParameters &p) const {
        return j < length ? suffix.row(row + j) + head / p.suffixGroup * p.headDim : nullptr;
    }
    // Columns of key j, which counts from the start of the prefix.
    __device__ const float *key(const Tensor &prefix, const Tensor &suffix, int j, const AttentionParameters &p) const {
        return j < prefixLength ? prefix.row(prefixRow + j) + head / p.prefixGroup * p.headDim
                                : suffix.row(row + j - prefixLength) + head / p.suffixGroup * p.headDim;
    }
};

// Fills a tile of 32 rows with row(i), or zeros where it gives null; columns past headDim are zero. A row has one float of padding, so
// that the lanes of a warp, reading one column of 32 rows, read 32 banks.
template <int DI, int warps, class Row> DEVICE void loadTile(float *tile, int headDim, Row row) {
    for (int i = warp(); i < keysATile; i += warps) {
        const float *from = row(i);
        UNROLL for (int c = 0; c < DI; c++) {
            const int column = lane() + 32 * c;
            tile[i * (32 * DI + 1) + column] = from && column < headDim ? ((GLOBAL(float) *)from)[column] : 0.f;
        }
    }
}

// Fills `count` rows of 32·DI floats.
template <int DI, int warps, class Row> DEVICE void loadRows(float *rows, int count, int headDim, Row row) {
    for (int i = warp(); i < count; i += warps) {
        const float *from = row(i);
        UNROLL for (int c = 0; c < DI; c++) {
            const int column = lane() + 32 * c;
            rows[i * 32 * DI + column] = from && column < headDim ? ((GLOBAL(float) *)from)[column] : 0.f;
        }
    }
}

// out[i] = rows[i]·tile[lane] over the columns.
template <int DI, int each> DEVICE void products(const float *rows, const float *tile, int headDim, float (&out)[each]) {
    UNROLL for (int i = 0; i < each; i++) out[i] = 0.f;
    for (int c = 0; c < headDim; c += 4) {
        const float *t = tile + lane() * (32 * DI + 1) + c;
        UNROLL for (int i = 0; i < each; i++) {
            const Float4 r = *(const Float4 *)(rows + i * 32 * DI + c);
            UNROLL for (int u = 0; u < 4; u++) out[i] = __builtin_fmaf(r[u], t[u], out[i]);
        }
    }
}

// acc[i] += Σ_j weight_j[i]·tile[j], where lane j holds weight_j.
template <int DI, int each> DEVICE void accumulate(const float *tile, const float (&weight)[each], float (&acc)[each][DI]) {
    for (int j = 0; j < keysATile; j++) {
        float w[each];
        UNROLL for (int i = 0; i < each; i++) w[i] = broadcast(weight[i], j);
        UNROLL for (int c = 0; c < DI; c++) {
            const float t = tile[j * (32 * DI + 1) + lane() + 32 * c];
            UNROLL for (int i = 0; i < each; i++) acc[i][c] = __builtin_fmaf(w[i], t, acc[i][c]);
        }
    }
}

template <int DI, int each> DEVICE void writeRows(const Tensor &y, int firstRow, int first, int count, int head, int headDim,
    const float (&acc)[each][DI]) {
    UNROLL for (int i = 0; i < each; i++) {
        if (first + i >= count) continue;
        float *out = y.row(firstRow + first + i) + head * headDim;
        UNROLL for (int c = 0; c < DI; c++)
            if (lane() + 32 * c < headDim) out[lane() + 32 * c] = acc[i][c];
    }
}

// dContext·context of a query and head, the same in all lanes.
DEVICE float dotOfRows(const AttentionParameters &p, int row, int head) {
    const float *context = p.context.row(row) + head * p.headDim, *gradient = p.dContext.row(row) + head * p.headDim;
    float dot = 0.f;
    for (int c = lane(); c < p.headDim; c += 32) dot = __builtin_fmaf(context[c], gradient[c], dot);
    return overWarp<Add>(dot);
}

// Sets context and logSumExp.
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
        if (first + i < s.queries && lane() == 0) p.logSumExp.row(s.queryRow + first + i)[s.head] = largest[i] + logarithm(sum[i]);
    }
    writeRows<DI>(p.context, s.queryRow, first, s.queries, s.head, headDim, acc);
}

// Sets dq, and dots[row, head] = dContext·context for the next kernel.
template <int DI, int each, int warps> DEVICE void attentionBackwardQueries(const AttentionParameters &p) {
    __shared__ __attribute__((aligned(16))) float queries[warps * each * 32 * DI], gradients[warps * each * 32 * DI];
    __shared__ float tile[keysATile * (32 * DI + 1)];
    const Sequence s = Sequence::at(p, blockX() / p.tiles, blockY());
    const int start = blockX() % p.tiles * warps * each, first = start + warp() * each, headDim = p.headDim;
    if (start >= s.queries) return;
    loadRows<DI, warps>(queries, warps * each, headDim, [&](int i) { return s.query(p.q, start + i, p); });
    loadRows<DI, warps>(gradients, warps * each, headDim, [&](int i) { return s.query(p.dContext, start + i, p); });
    float dot[each], logSum[each], acc[each][DI] = {};
    UNROLL for (int i = 0; i < each; i++) {
        dot[i] = logSum[i] = 0.f;
        if (first + i >= s.queries) continue;
        const int row = s.queryRow + first + i;
        dot[i] = dotOfRows(p, row, s.head);
        logSum[i] = p.logSumExp.row(row)[s.head];
        if (lane() == 0) p.dots.row(row)[s.head] = dot[i];
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
            slope[i] = visible ? exponential(probability[i] * p.scale - logSum[i]) * (slope[i] - dot[i]) * p.scale : 0.f;
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
        const float logSum = asking < s.queries ? p.logSumExp.row(s.queryRow + asking)[s.head] : 0.f;
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
            probability[i] = visible ? exponential(probability[i] * p.scale - logSum) : 0.f;
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
        const float logSum = asking < s.queries ? p.logSumExp.row(s.queryRow + asking)[s.head] : 0.f;
        float probability[each];
        loadTile<DI, warps>(tile, headDim, [&](int i) { return s.query(p.q, tileStart + i, p); });
        barrier();
        products<DI>(keys + warp() * each * 32 * DI, tile, headDim, probability);
        barrier();
        UNROLL for (int i = 0; i < each; i++) {
            const bool visible = asking < s.queries && first + i < s.length && s.prefixLength + first + i < s.visible(asking);
            probability[i] = visible ? exponential(probability[i] * p.scale - logSum) : 0.f;
        }
        loadTile<DI, warps>(tile, headDim, [&](int i) { return s.query(p.dContext, tileStart + i, p); });
        barrier();
        accumulate<DI>(tile, probability, dv);
        barrier();
    }
    writeRows<DI>(p.dv, s.row, first, s.length, s.head, headDim, dv);
}

// Named by the head width up to which they serve and by the queries or keys of a warp. The gradients of short suffixes are those of
// attention_short.cu. Some are to fit a multiprocessor in a certain number of blocks at once, so that registers are not spilled for the
// sake of more, for which there may be no shared memory.
#define ATTENTION(name, DI, each, warps, blocks) \
    KERNEL(32 * warps) attention_forward_##name(AttentionParameters p) { attentionForward<DI, each, warps>(p); } \
    KERNEL(32 * warps, blocks) attention_backward_values_##name(AttentionParameters p) { attentionBackwardValues<DI, each, warps>(p); }
#define ATTENTION_QUERIES(name, DI, each, warps, ...) \
    KERNEL(__VA_ARGS__) attention_backward_queries_##name(AttentionParameters p) { attentionBackwardQueries<DI, each, warps>(p); }
#define ATTENTION_KEYS(name, DI, each, warps, blocks) \
    KERNEL(32 * warps, blocks) attention_backward_keys_##name(AttentionParameters p) { attentionBackwardKeys<DI, each, warps>(p); }

ATTENTION(64_four, 2, 4, 8, 3)
ATTENTION(64_one, 2, 1, 8, 5)
ATTENTION(128_two, 4, 2, 8, 4)
ATTENTION(128_one, 4, 1, 8, 5)
ATTENTION(256_one, 8, 1, 4, 4)
ATTENTION_QUERIES(64_four, 2, 4, 8, 256)
ATTENTION_QUERIES(64_one, 2, 1, 8, 256, 5)
ATTENTION_QUERIES(128_two, 4, 2, 8, 256, 4)
ATTENTION_QUERIES(128_one, 4, 1, 8, 256, 5)
ATTENTION_QUERIES(256_one, 8, 1, 4, 128, 4)
ATTENTION_KEYS(64_four, 2, 4, 8, 3)
ATTENTION_KEYS(128_two, 4, 2, 8, 4)
ATTENTION_KEYS(256_one, 8, 1, 4, 4)
