// Matrix products x·W and x·Wᵀ from one row-major copy of W, in float32 or with bfloat16 weights widened exactly.
//
// Sets (or, with add, adds to) y = x·W + bias for a batch of independent products (block z-index), and applies what
// follows element by element (one product, not a batch).
// Operations: 2·rows·n·k. Bytes at least: 4·rows·(k + n) + k·n·(4 or 2); W is read once for every BM rows and x once for every
// BN columns, from L2 where they fit. Tiles: 128×128 with 8×8 results a thread where that fills the GPU, 64×64 with 4×4
// below that, 32×32 with 2×4 for few rows. The host chooses; the bits are the same.
#include "activations.cuh"
#include "tile.cuh"

// What follows a product y; see EpilogueKind.
enum Epilogue { NOTHING, GELU, TIMES, SWIGLU, SWIGLU_GRADIENT, GELU_RATIO, SWIGLU_RATIO_GRADIENT };

struct GemmParameters {
    Tensor x, y;             // rows × k, rows × n
    const void *weights;     // first element used
    const float *bias;
    long long xBatch, weightsBatch, yBatch; // elements from one product of the batch to the next
    int weightsStride;
    int add, alignedX, alignedWeights, alignedY;
    Tensor operand; // of the epilogue
    int epilogue;
};

// What follows the result in row m and column n (of the gates).
DEVICE void follow(const GemmParameters &p, int m, int n) {
    float &y = p.y.row(m)[n];
    switch (p.epilogue) {
    case GELU:
    case GELU_RATIO: {
        const Pair g = p.epilogue == GELU ? gelu(y) : geluRatio(y);
        if (p.operand.pointer) p.operand.row(m)[n] = g.second;
        y = g.first;
        break;
    }
    case TIMES: y *= p.operand.row(m)[n]; break;
    case SWIGLU_GRADIENT:
    case SWIGLU_RATIO_GRADIENT: {
        float &gate = p.operand.row(m)[n], &up = p.operand.row(m)[p.y.columns + n];
        const Pair g = p.epilogue == SWIGLU_GRADIENT ? swigluGradient(gate, up, y) : swigluRatio(gate, up, y);
        gate = g.first;
        up = g.second;
        break;
    }
    case SWIGLU: p.operand.row(m)[n] = swiglu(y, p.y.row(m)[p.y.columns / 2 + n]); break;
    }
}

template <class Weight, bool transposed, int BM, int BN, int TM, int TN> DEVICE void gemm(const GemmParameters &p) {
    using Tile = TileProduct<BM, BN, TM, TN>;
    const int rows = p.y.rows, depth = p.x.columns, m0 = blockY() * BM;
    const float *x = p.x.pointer + blockZ() * p.xBatch;
    const Weight *w = (const Weight *)p.weights + blockZ() * p.weightsBatch;
    float *y = p.y.pointer + blockZ() * p.yBatch;
    // The tile's columns are neighbours; for SwiGLU one half of them are gates and the other half their ups.
    const bool paired = p.epilogue == SWIGLU;
    const int width = paired ? BN / 2 : BN, end = paired ? p.y.columns / 2 : p.y.columns, n0 = blockX() * width;
    auto column = [&](int c) { return n0 + (c < width ? c : end + c - width); };
    auto left = [&](int c) { return end - n0 - (c < width ? c : c - width); }; // columns from there to the end
    const bool full = depth % Tile::BK == 0;
    const auto ofX = operand([&](int m, int k) { return x + (long long)(m0 + (m0 + m < rows ? m : 0)) * p.x.stride + k; },
        [&](int m, int k) { return m0 + m < rows ? depth - k : 0; }, Tile::BK, p.alignedX && full);
    const auto ofW = operand(
        [&](int c, int k) {
            const int n = column(left(c) > 0 ? c : 0);
            return transposed ? w + (long long)n * p.weightsStride + k : w + (long long)k * p.weightsStride + n;
        },
        [&](int c, int k) { return transposed ? left(c) > 0 ? depth - k : 0 : k < depth ? left(c) : 0; },
        transposed ? Tile::BK : (long long)Tile::BK * p.weightsStride, p.alignedWeights && full && (transposed || end % 4 == 0));
    float acc[TM][TN] = {};
    Tile::template multiply<transposed>(depth, ofX, ofW, acc);

    const int t = threadIndexAnew();
    UNROLL for (int i = 0; i < TM; i++) {
        const int m = m0 + Tile::row(t, i);
        if (m >= rows) continue;
        UNROLL for (int run = 0; run < TN; run += 4) {
            const int n = column(Tile::column(t, run)), count = left(Tile::column(t, run));
            float *out = y + (long long)m * p.y.stride + n, v[4];
            UNROLL for (int j = 0; j < 4; j++) {
                v[j] = acc[i][run + j];
                if (j >= count) continue;
                if (p.bias) v[j] += p.bias[n + j];
            }
            if (p.alignedY && count >= 4) {
                Float4 *four = (Float4 *)out;
                const Float4 value = {v[0], v[1], v[2], v[3]};
                *four = p.add ? *four + value : value;
            } else
                UNROLL for (int j = 0; j < 4; j++)
                    if (j < count) out[j] = p.add ? out[j] + v[j] : v[j];
        }
    }
    if (p.epilogue == NOTHING) return;
    // Over the block's results, which are still in the cache: unrolled on the registers, the code would be twice as long.
    barrier();
    for (int i = threadIndex(); i < BM * width; i += Tile::threads) {
        const int m = m0 + i / width, n = n0 + i % width;
        if (m < rows && n < end) follow(p, m, n);
    }
}

#define GEMM(name, Weight, transposed) \
    KERNEL(256, 2) gemm_##name##_large(GemmParameters p) { gemm<Weight, transposed, 128, 128, 8, 8>(p); } \
    KERNEL(256, 4) gemm_##name##_medium(GemmParameters p) { gemm<Weight, transposed, 64, 64, 4, 4>(p); } \
    KERNEL(128) gemm_##name##_small(GemmParameters p) { gemm<Weight, transposed, 32, 32, 2, 4>(p); }

GEMM(f32, float, false)
GEMM(f32_transposed, float, true)
GEMM(bf16, unsigned short, false)
GEMM(bf16_transposed, unsigned short, true)
