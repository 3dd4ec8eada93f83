// The product of two tiles in shared memory, of which matrix products are made.
//
// A block holds BM×BN results, a thread TM×TN of them, and walks over k in tiles of BK with two buffers: while one tile is
// multiplied, the next one is on its way from global memory into registers and then into the other buffer, so there is one
// barrier a tile. Every result is one chain of fused multiply-adds over k from 0 up, whatever the tile: its bits depend
// neither on the tile's size nor on the other rows.
//
// Shared memory: 2·BK·(BM + BN + 8) floats: 16.9 KB for 128×128, 17.4 KB for 64×64, 9.2 KB for 32×32.
#pragma once
#include "prelude.cuh"

// An operand as a block reads it, four neighbours at a time. start(i, k) is their address in row or column i of the tile at step k,
// and where i is out of bounds that of the tile's first one; valid(i, k) is how many of the four are in bounds; `step` is the
// distance, in elements, from one tile of k to the next. A whole operand has its fours aligned and all or none of their elements in
// bounds, and its tiles of k are full. So nothing need be asked about a four: an i out of bounds gives results that nobody stores.
template <class Start, class Valid> struct Operand {
    Start start;
    Valid valid;
    long long step;
    bool whole;
};
template <class Start, class Valid> DEVICE Operand<Start, Valid> operand(Start start, Valid valid, long long step, bool whole) {
    return {start, valid, step, whole};
}

DEVICE Float4 wholeFour(const float *p) { return *(GLOBAL(Float4) *)p; }
// bfloat16 is the upper half of a float32.
DEVICE Float4 wholeFour(const unsigned short *p) {
    const Uint2 bits = *(GLOBAL(Uint2) *)p;
    return Float4{asFloat(bits.x << 16), asFloat(bits.x & 0xffff0000u), asFloat(bits.y << 16), asFloat(bits.y & 0xffff0000u)};
}
DEVICE float one(const float *p) { return *(GLOBAL(float) *)p; }
DEVICE float one(const unsigned short *p) { return asFloat((unsigned)*(GLOBAL(unsigned short) *)p << 16); }

template <int BM, int BN, int TM, int TN> struct TileProduct {
    // In the large tile a deeper one of k would cost the registers of a second block on the multiprocessor.
    static constexpr int BK = BM == 128 ? 8 : 16, threadsX = BN / TN, threads = threadsX * (BM / TM), strideA = BM + 4, strideB = BN + 4;
    static constexpr int loadsA = BM * BK / 4 / threads, loadsB = BN * BK / 4 / threads;
    static_assert(loadsA * 4 * threads == BM * BK && loadsB * 4 * threads == BN * BK, "every thread loads as much of a tile");
    // A thread's columns come in runs of four, its rows in runs of four or two, the runs spread over the whole tile, so that
    // neighbouring threads read neighbouring words of shared memory.
    static constexpr int runM = TM % 4 ? 2 : 4, runN = 4;

    // A warp has 4×8 threads. Lanes n and n ^ 1 share a column, n and n ^ 2 a row: loads of 16 bytes of which either is true take
    // shared memory two cycles instead of four.
    DEVICE int threadRow(unsigned t) { return t / (4 * threadsX) * 4 + t / 16 % 2 * 2 + t % 2; }
    DEVICE int threadColumn(unsigned t) { return t / 32 % (threadsX / 8) * 8 + t / 2 % 8; }
    // Row and column of a thread's result [i][j].
    DEVICE int row(unsigned t, int i) { return threadRow(t) * runM + i / runM * (BM / (TM / runM)) + i % runM; }
    DEVICE int column(unsigned t, int j) { return threadColumn(t) * runN + j / runN * (BN / (TN / runN)) + j % runN; }

    // Where a thread's four number e stands in an operand's tile: a constant distance from number 0.
    struct Place {
        int i, k;
    };
    template <bool alongK, int width> DEVICE Place place(int t, int e) {
        return alongK ? Place{t / (BK / 4) + e * (threads / (BK / 4)), t % (BK / 4) * 4}
                      : Place{t % (width / 4) * 4, t / (width / 4) + e * (threads / (width / 4))};
    }

    // acc += A·B. Fours of A lie along k, those of B across or with alongK along k.
    template <bool alongK, class A, class B> DEVICE void multiply(int depth, const A &a, const B &b, float (&acc)[TM][TN]) {
        __shared__ __attribute__((aligned(16))) float tileA[2][BK * strideA], tileB[2][BK * strideB];
        if (a.whole && b.whole) walk<alongK, true>(depth, a, b, tileA, tileB, acc);
        else walk<alongK, false>(depth, a, b, tileA, tileB, acc);
    }

    template <bool alongK, bool whole, class A, class B>
    DEVICE void walk(int depth, const A &a, const B &b, float (&tileA)[2][BK * strideA], float (&tileB)[2][BK * strideB],
        float (&acc)[TM][TN]) {
        const int t = threadIndex();
        auto fromA = startsOf<true, BM, loadsA>(a, t);
        auto fromB = startsOf<alongK, BN, loadsB>(b, t);
        Float4 nextA[loadsA], nextB[loadsB];
        auto fetch = [&](int k) {
            load<true, whole, BM>(a, fromA, k, nextA);
            load<alongK, whole, BN>(b, fromB, k, nextB);
        };
        auto keep = [&](int buffer) {
            store<true, BM, strideA>(tileA[buffer], t, nextA);
            store<alongK, BN, strideB>(tileB[buffer], t, nextB);
        };
        auto step = [&](const float *rowA, const float *rowB) {
            float x[TM], y[TN];
            loadRow<TM, runM>(rowA, BM, threadRow(t), x);
            loadRow<TN, runN>(rowB, BN, threadColumn(t), y);
            UNROLL for (int i = 0; i < TM; i++)
                UNROLL for (int j = 0; j < TN; j++) acc[i][j] = __builtin_fmaf(x[i], y[j], acc[i][j]);
        };
        fetch(0);
        keep(0);
        barrier();
        for (int k = 0, buffer = 0; k < depth; k += BK, buffer ^= 1) {
            const bool more = k + BK < depth;
            if (more) fetch(k + BK);
            if (whole) {
                UNROLL for (int kk = 0; kk < BK; kk++) step(&tileA[buffer][kk * strideA], &tileB[buffer][kk * strideB]);
            } else
                NO_UNROLL for (int kk = 0; kk < BK; kk++) step(&tileA[buffer][kk * strideA], &tileB[buffer][kk * strideB]);
            if (more) keep(buffer ^ 1);
            barrier();
        }
    }

    template <class T, int count> struct Pointers {
        T at[count];
    };
    template <bool alongK, int width, int count, class O> DEVICE auto startsOf(const O &o, int t) {
        Pointers<decltype(o.start(0, 0)), count> from;
        UNROLL for (int e = 0; e < count; e++) from.at[e] = o.start(place<alongK, width>(t, e).i, place<alongK, width>(t, e).k);
        return from;
    }

    // Loads a thread's fours of an operand's tile at k and moves on to the next one.
    template <bool alongK, bool whole, int width, class O, class T, int count>
    DEVICE void load(const O &o, Pointers<T, count> &from, int k, Float4 (&out)[count]) {
        UNROLL for (int e = 0; e < count; e++) {
            if (whole) out[e] = wholeFour(from.at[e]);
            else {
                const Place at = place<alongK, width>(threadIndex(), e);
                const int valid = o.valid(at.i, k + at.k);
                UNROLL for (int j = 0; j < 4; j++) out[e][j] = valid > j ? one(from.at[e] + j) : 0.f;
            }
            from.at[e] += o.step;
        }
    }

    // Stores them in shared memory, a row of the tile a step of k.
    template <bool alongK, int width, int stride, int count> DEVICE void store(float *tile, int t, const Float4 (&values)[count]) {
        float *into = tile + place<alongK, width>(t, 0).k * stride + place<alongK, width>(t, 0).i;
        UNROLL for (int e = 0; e < count; e++) {
            const Place at = place<alongK, width>(0, e);
            float *four = into + at.k * stride + at.i;
            if (alongK) {
                UNROLL for (int i = 0; i < 4; i++) four[i * stride] = values[e][i];
            } else
                *(Float4 *)four = values[e];
        }
    }

    // A thread's share of one row of a tile of `width` columns: count values in runs.
    template <int count, int run> DEVICE void loadRow(const float *row, int width, int thread, float (&out)[count]) {
        UNROLL for (int i = 0; i < count / run; i++) {
            const float *p = row + thread * run + i * (width / (count / run));
            if (run == 4) {
                const Float4 v = *(const Float4 *)p;
                UNROLL for (int j = 0; j < 4; j++) out[i * run + j] = v[j];
            } else {
                const Float2 v = *(const Float2 *)p;
                UNROLL for (int j = 0; j < 2; j++) out[i * run + j] = v[j];
            }
        }
    }
};
