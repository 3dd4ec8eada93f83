// Matrix products x·W and x·Wᵀ from one row-major copy of W, in float32 or with bfloat16 weights widened exactly.
//
// Sets (or, with add, adds to) y = scale⊙(x·W) + bias for a batch of independent products (block z-index), and applies what
// follows element by element (one product, not a batch).
// Operations: 2·rows·n·k. Bytes at least: 4·rows·(k + n) + k·n·(4 or 2); W is read once for every BM rows and x once for every
// BN columns, from L2 where they fit. Tiles: 128×128 with 8×8 results a thread where that fills the GPU, 64×64 with 4×4
// below that, 32×32 with 2×4 for few rows. The host chooses; the bits are the same.
#include "activations.cuh"
#include "tile.cuh"

// What follows a product y; see EpilogueKind. SwiGLU itself needs two columns at once and has a kernel of its own.
enum Epilogue { NOTHING, GELU, TIMES, SWIGLU_GRADIENT };

struct GemmParameters {
    Tensor x, y;             // rows × k, rows × n
    const void *weights;     // first element used
    const float *bias, *scale;
    long long xBatch, weightsBatch, yBatch; // elements from one product of the batch to the next
    int weightsStride, weightsGroup;        // weightsGroup products in a row share one block of weights
    int add, alignedX, alignedWeights, alignedY;
    Tensor operand; // of the epilogue
    int epilogue;
};

// The result in row m and column n becomes what follows it; the operand is read or written.
DEVICE float follow(const GemmParameters &p, int m, int n, float v) {
    if (p.epilogue == GELU) {
        const Pair g = gelu(v);
        if (p.operand.pointer) p.operand.row(m)[n] = g.second;
        return g.first;
    }
    if (p.epilogue == TIMES) return v * p.operand.row(m)[n];
    float *gate = p.operand.row(m) + n, *up = gate + p.y.columns;
    const Pair g = swigluGradient(*gate, *up, v);
    *gate = g.first;
    *up = g.second;
    return v;
}

template <class Weight, bool transposed, int BM, int BN, int TM, int TN> DEVICE void gemm(const GemmParameters &p) {
    using Tile = TileProduct<BM, BN, TM, TN>;
    const int rows = p.y.rows, columns = p.y.columns, depth = p.x.columns, m0 = blockY() * BM, n0 = blockX() * BN;
    const float *x = p.x.pointer + blockZ() * p.xBatch;
    const Weight *w = (const Weight *)p.weights + blockZ() / p.weightsGroup * p.weightsBatch;
    float *y = p.y.pointer + blockZ() * p.yBatch;
    auto loadX = [&](int m, int k) {
        return loadFour(x + (long long)(m0 + m) * p.x.stride + k, m0 + m < rows ? depth - k : 0, p.alignedX);
    };
    auto loadW = [&](int k, int n) {
        return transposed ? loadFour(w + (long long)(n0 + n) * p.weightsStride + k, n0 + n < columns ? depth - k : 0, p.alignedWeights)
                          : loadFour(w + (long long)k * p.weightsStride + n0 + n, k < depth ? columns - n0 - n : 0, p.alignedWeights);
    };
    float acc[TM][TN] = {};
    Tile::template multiply<transposed>(depth, loadX, loadW, acc);

    UNROLL for (int i = 0; i < TM; i++) {
        const int m = m0 + Tile::row(i);
        if (m >= rows) continue;
        float *out = y + (long long)m * p.y.stride;
        UNROLL for (int run = 0; run < TN; run += 4) {
            const int n = n0 + Tile::column(run);
            float v[4];
            UNROLL for (int j = 0; j < 4; j++) {
                v[j] = acc[i][run + j];
                if (n + j >= columns) continue;
                if (p.scale) v[j] *= p.scale[n + j];
                if (p.bias) v[j] += p.bias[n + j];
            }
            if (p.alignedY && n + 3 < columns) {
                Float4 *four = (Float4 *)(out + n);
                const Float4 value = {v[0], v[1], v[2], v[3]};
                *four = p.add ? *four + value : value;
            } else
                UNROLL for (int j = 0; j < 4; j++)
                    if (n + j < columns) out[n + j] = p.add ? out[n + j] + v[j] : v[j];
        }
    }
    if (p.epilogue == NOTHING) return;
    // Each thread over its own results, which are still in the cache: unrolled, the code would be twice as long.
    NO_UNROLL for (int i = 0; i < TM; i++) {
        const int m = m0 + Tile::row(i);
        if (m >= rows) continue;
        NO_UNROLL for (int j = 0; j < TN; j++) {
            const int n = n0 + Tile::column(j);
            if (n < columns) p.y.row(m)[n] = follow(p, m, n, p.y.row(m)[n]);
        }
    }
}

#define GEMM(name, Weight, transposed) \
    KERNEL(256) gemm_##name##_large(GemmParameters p) { gemm<Weight, transposed, 128, 128, 8, 8>(p); } \
    KERNEL(256) gemm_##name##_medium(GemmParameters p) { gemm<Weight, transposed, 64, 64, 4, 4>(p); } \
    KERNEL(128) gemm_##name##_small(GemmParameters p) { gemm<Weight, transposed, 32, 32, 2, 4>(p); }

GEMM(f32, float, false)
GEMM(f32_transposed, float, true)
GEMM(bf16, unsigned short, false)
GEMM(bf16_transposed, unsigned short, true)
