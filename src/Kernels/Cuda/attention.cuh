// Causal softmax attention over packed sequences of different lengths, each with an optional prefix of keys and values.
// Nothing of size queries × keys is stored: the forward pass keeps each query's largest score and 1/Σ exp(score - largest), from which the
// backward pass forms the probabilities again (after Dao et al. 2022, who keep the logarithm of the sum plus the largest: where scores are
// in the hundreds, that loses the digits of the probabilities).
//
// A warp works on `each` queries (keys, for the gradients at keys and values) of one head of one sequence; tiles of 32 keys (queries) pass
// through shared memory, one a lane in the products over the columns, and 32 columns a lane-step in the sums over the tile.
// Tiles start at key (query) 0 of the sequence, so a row's bits depend on its own sequence only. Head widths up to 256.
//
// Kernels are named by the head width up to which they serve and by the queries or keys of a warp. Some are to fit a multiprocessor in a
// certain number of blocks at once, so that registers are not spilled for the sake of more, for which there may be no shared memory.
#pragma once
#include "prelude.cuh"

struct AttentionParameters {
    Tensor q, k, v, prefixK, prefixV, context, normalizers; // of these two columns a head: largest, inverse of the sum
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

// How scores of a query become probabilities.
struct Normalizer {
    float largest, inverse;
    DEVICE Normalizer of(const AttentionParameters &p, int row, int head) {
        const float *at = p.normalizers.row(row) + 2 * head;
        return {at[0], at[1]};
    }
    __device__ __attribute__((always_inline)) float probability(float score) const { return exponential(score - largest) * inverse; }
};

// dContext·context of a query, by one lane and in the order of products(): where a query sees one key alone, or all but, its context is the
// value there, and this is the bits of dContext·value.
DEVICE float dotOfContext(const AttentionParameters &p, const Sequence &s, int query) {
    const float *context = s.query(p.context, query, p), *gradient = s.query(p.dContext, query, p);
    float dot = 0.f;
    if (!context) return dot;
    for (int c = 0; c < p.headDim; c++) dot = __builtin_fmaf(gradient[c], context[c], dot);
    return dot;
}
