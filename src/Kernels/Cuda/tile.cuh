// The product of two tiles in shared memory, used by the matrix product and by the contraction of scores.
//
// A block holds BM×BN results, a thread TM×TN of them, and walks over k in tiles of 16 with two buffers: while one tile is
// multiplied, the next one is on its way from global memory into registers and then into the other buffer, so there is one
// barrier a tile. Every result is one chain of fused multiply-adds over k from 0 up, whatever the tile: its bits depend
// neither on the tile's size nor on the other rows.
//
// Shared memory: 2·16·(BM + BN + 8) floats: 33.8 KB for 128×128, 17.4 KB for 64×64, 9.2 KB for 32×32.
#pragma once
#include "prelude.cuh"

// Four neighbours p[0 … 3] of which the first `valid` are in bounds; zero for the rest.
DEVICE Float4 loadFour(const float *p, int valid, bool aligned) {
    if (aligned && valid >= 4) return *(GLOBAL(Float4) *)p;
    GLOBAL(float) *g = (GLOBAL(float) *)p;
    return Float4{valid > 0 ? g[0] : 0.f, valid > 1 ? g[1] : 0.f, valid > 2 ? g[2] : 0.f, valid > 3 ? g[3] : 0.f};
}

// The same for bfloat16, the upper half of a float32.
DEVICE Float4 loadFour(const unsigned short *p, int valid, bool aligned) {
    if (aligned && valid >= 4) {
        const Uint2 bits = *(const Uint2 *)p;
        return Float4{asFloat(bits.x << 16), asFloat(bits.x & 0xffff0000u), asFloat(bits.y << 16), asFloat(bits.y & 0xffff0000u)};
    }
    return Float4{valid > 0 ? asFloat((unsigned)p[0] << 16) : 0.f, valid > 1 ? asFloat((unsigned)p[1] << 16) : 0.f,
                  valid > 2 ? asFloat((unsigned)p[2] << 16) : 0.f, valid > 3 ? asFloat((unsigned)p[3] << 16) : 0.f};
}

template <int BM, int BN, int TM, int TN> struct TileProduct {
    static constexpr int BK = 16, threadsX = BN / TN, threads = threadsX * (BM / TM), strideA = BM + 4, strideB = BN + 4;
    static constexpr int loadsA = BM * BK / 4 / threads, loadsB = BN * BK / 4 / threads;
    // A thread's rows and columns come in runs of four (of two or one in small tiles), the runs spread over the whole tile,
    // so that neighbouring threads read neighbouring words of shared memory.
    static constexpr int runM = TM < 4 ? TM : 4, runN = TN < 4 ? TN : 4;

    DEVICE int row(int i) { return threadIndex() / threadsX * runM + i / runM * (BM / (TM / runM)) + i % runM; }
    DEVICE int column(int j) { return threadIndex() % threadsX * runN + j / runN * (BN / (TN / runN)) + j % runN; }

    // acc += A·B. loadA(m, k) gives A[m][k … k+3]; loadB(k, n) gives B[k][n … n+3], or with alongK B[k … k+3][n]. Both
    // give zero out of bounds.
    template <bool alongK, class LoadA, class LoadB>
    DEVICE void multiply(int depth, LoadA loadA, LoadB loadB, float (&acc)[TM][TN]) {
        __shared__ __attribute__((aligned(16))) float a[2][BK * strideA], b[2][BK * strideB];
        const int t = threadIndex();
        Float4 nextA[loadsA], nextB[loadsB];
        auto fetch = [&](int k) {
            UNROLL for (int e = 0; e < loadsA; e++) nextA[e] = loadA((t + e * threads) / (BK / 4), k + (t + e * threads) % (BK / 4) * 4);
            UNROLL for (int e = 0; e < loadsB; e++) {
                const int i = t + e * threads;
                nextB[e] = alongK ? loadB(k + i % (BK / 4) * 4, i / (BK / 4)) : loadB(k + i / (BN / 4), i % (BN / 4) * 4);
            }
        };
        auto keep = [&](int buffer) {
            UNROLL for (int e = 0; e < loadsA; e++) {
                const int m = (t + e * threads) / (BK / 4), k = (t + e * threads) % (BK / 4) * 4;
                UNROLL for (int i = 0; i < 4; i++) a[buffer][(k + i) * strideA + m] = nextA[e][i];
            }
            UNROLL for (int e = 0; e < loadsB; e++) {
                const int i = t + e * threads;
                if (alongK) {
                    UNROLL for (int j = 0; j < 4; j++) b[buffer][(i % (BK / 4) * 4 + j) * strideB + i / (BK / 4)] = nextB[e][j];
                } else
                    *(Float4 *)&b[buffer][i / (BN / 4) * strideB + i % (BN / 4) * 4] = nextB[e];
            }
        };
        fetch(0);
        keep(0);
        barrier();
        for (int k = 0, buffer = 0; k < depth; k += BK, buffer ^= 1) {
            const bool more = k + BK < depth;
            if (more) fetch(k + BK);
            UNROLL for (int kk = 0; kk < BK; kk++) {
                float x[TM], y[TN];
                loadRow<TM, runM>(&a[buffer][kk * strideA], BM, t / threadsX, x);
                loadRow<TN, runN>(&b[buffer][kk * strideB], BN, t % threadsX, y);
                UNROLL for (int i = 0; i < TM; i++)
                    UNROLL for (int j = 0; j < TN; j++) acc[i][j] = __builtin_fmaf(x[i], y[j], acc[i][j]);
            }
            if (more) keep(buffer ^ 1);
            barrier();
        }
    }

    // A thread's share of one row of a tile of `width` columns: count values in runs.
    template <int count, int run> DEVICE void loadRow(const float *row, int width, int thread, float (&out)[count]) {
        UNROLL for (int i = 0; i < count / run; i++) {
            const float *p = row + thread * run + i * (width / (count / run));
            if (run == 4) {
                const Float4 v = *(const Float4 *)p;
                UNROLL for (int j = 0; j < run; j++) out[i * run + j] = v[j];
            } else
                UNROLL for (int j = 0; j < run; j++) out[i * run + j] = p[j];
        }
    }
};
