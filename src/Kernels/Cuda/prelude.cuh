// What the kernels share: the names that the CUDA SDK's headers would declare, the operands as the host passes them,
// reductions in a fixed order and the mathematical functions with their errors. Compiled by clang without any SDK.
#pragma once

#define __global__ __attribute__((global))
#define __device__ __attribute__((device))
#define __shared__ __attribute__((shared))
#define __launch_bounds__(...) __attribute__((launch_bounds(__VA_ARGS__)))
#define DEVICE static __device__ inline __attribute__((always_inline))
// Threads of the largest block and, where it is not left to the compiler, how many blocks a multiprocessor is to hold at least.
#define KERNEL(...) extern "C" __global__ void __launch_bounds__(__VA_ARGS__)
#define UNROLL _Pragma("unroll")
#define NO_UNROLL _Pragma("unroll 1")
#define UNROLL_BY_8 _Pragma("unroll 8")

typedef float Float2 __attribute__((ext_vector_type(2)));
typedef float Float4 __attribute__((ext_vector_type(4)));
typedef unsigned Uint2 __attribute__((ext_vector_type(2)));

// What a pointer points to when it is known to be device memory though the compiler, seeing it come out of a choice, cannot tell.
#define GLOBAL(type) const type __attribute__((address_space(1)))

// A row-major float32 matrix, laid out like Faith.Kernels.Tensor. Columns are addressed by int, rows in 64 bits.
struct Tensor {
    float *pointer;
    int rows, columns, stride;
    __device__ __attribute__((always_inline)) float *row(long long i) const { return pointer + i * stride; }
};

// A vector of integers, laid out like Faith.Kernels.Indices.
struct Indices {
    const int *pointer;
    int count;
    __device__ __attribute__((always_inline)) int operator[](int i) const { return pointer[i]; }
};

// ---- threads (blocks have one dimension) ----

DEVICE int threadIndex() { return __nvvm_read_ptx_sreg_tid_x(); }
// The same, read anew: nothing that follows from it is kept in a register from before.
DEVICE int threadIndexAnew() {
    int t;
    asm volatile("mov.u32 %0, %%tid.x;" : "=r"(t));
    return t;
}
DEVICE int blockThreads() { return __nvvm_read_ptx_sreg_ntid_x(); }
DEVICE int lane() { return threadIndex() & 31; }
DEVICE int warp() { return threadIndex() >> 5; }
DEVICE int blockX() { return __nvvm_read_ptx_sreg_ctaid_x(); }
DEVICE int blockY() { return __nvvm_read_ptx_sreg_ctaid_y(); }
DEVICE int blockZ() { return __nvvm_read_ptx_sreg_ctaid_z(); }
DEVICE int gridX() { return __nvvm_read_ptx_sreg_nctaid_x(); }
DEVICE int gridY() { return __nvvm_read_ptx_sreg_nctaid_y(); }
DEVICE void barrier() { __nvvm_bar_sync(0); }

// The value that another lane holds. In PTX, since clang offers the builtins only where a CUDA SDK tells it the PTX version.
DEVICE float broadcast(float x, int source) {
    float y;
    asm volatile("shfl.sync.idx.b32 %0, %1, %2, 31, 0xffffffff;" : "=f"(y) : "f"(x), "r"(source));
    return y;
}
DEVICE float exchange(float x, int mask) {
    float y;
    asm volatile("shfl.sync.bfly.b32 %0, %1, %2, 31, 0xffffffff;" : "=f"(y) : "f"(x), "r"(mask));
    return y;
}

DEVICE int minimum(int a, int b) { return a < b ? a : b; }
DEVICE int maximum(int a, int b) { return a > b ? a : b; }
DEVICE float maximum(float a, float b) { return __nvvm_fmax_f(a, b); }

// ---- reductions: the order of the additions depends on the number of threads only ----

struct Add {
    static constexpr float neutral = 0.f;
    DEVICE float of(float a, float b) { return a + b; }
};
struct Maximum {
    static constexpr float neutral = -__builtin_huge_valf();
    DEVICE float of(float a, float b) { return maximum(a, b); }
};

// The same value in every lane.
template <class Operation> DEVICE float overWarp(float x) {
    UNROLL for (int mask = 16; mask; mask /= 2) x = Operation::of(x, exchange(x, mask));
    return x;
}

// The same value in every thread; slots is shared memory for one float a warp. Starts and ends the block together.
template <class Operation> DEVICE float overBlock(float x, float *slots) {
    x = overWarp<Operation>(x);
    if (lane() == 0) slots[warp()] = x;
    barrier();
    float result = Operation::neutral;
    for (int w = 0; w < blockThreads() / 32; w++) result = Operation::of(result, slots[w]);
    barrier();
    return result;
}

// ---- columns of a row ----

// Runs use(column, load(column)) for the columns of a row that fall to the thread, in order: it loads four before it uses the first, so
// that the time that memory takes passes once for all of them.
template <class Load, class Use> DEVICE void forColumns(int columns, Load load, Use use) {
    for (int first = threadIndex(); first < columns; first += 4 * blockThreads()) {
        decltype(load(0)) value[4];
        UNROLL for (int u = 0; u < 4; u++)
            if (first + u * blockThreads() < columns) value[u] = load(first + u * blockThreads());
        UNROLL for (int u = 0; u < 4; u++)
            if (first + u * blockThreads() < columns) use(first + u * blockThreads(), value[u]);
    }
}

// ---- functions ----

DEVICE float squareRoot(float x) { return __nvvm_sqrt_rn_f(x); }
DEVICE float asFloat(unsigned x) { return __builtin_bit_cast(float, x); }
DEVICE unsigned asBits(float x) { return __builtin_bit_cast(unsigned, x); }

// e^x = 2^n·2^f, f in [-1/2, 1/2] taken in two parts. Relative error below 4e-7 (2 ulp of ex2.approx, 1 of the rest) for
// x in [-87, 88]; 0 below -87, so that no result is a denormal number; infinity above 88.7.
DEVICE float exponential(float x) {
    const float n = __nvvm_floor_f(__builtin_fmaf(x, 1.44269504f, 0.5f));
    float f = __builtin_fmaf(x, 1.44269504f, -n);
    f = __builtin_fmaf(x, 1.92596299e-8f, f);
    // Two factors, since 2^n alone leaves the range of float32 above n = 127.
    const float half = asFloat((unsigned)((int)(n * 0.5f) + 127) << 23), rest = asFloat((unsigned)((int)n - (int)(n * 0.5f) + 127) << 23);
    const float result = __nvvm_ex2_approx_ftz_f(f) * half * rest;
    return x < -87.f ? 0.f : x > 88.7f ? __builtin_huge_valf() : result;
}

// ln x for normal x > 0: x = 2^n·m, m in [√½, √2), ln m = 2·artanh((m - 1)/(m + 1)) by its series. Relative error below 3e-7.
DEVICE float logarithm(float x) {
    const unsigned bits = asBits(x) - 0x3f3504f3u;
    const float n = (float)((int)bits >> 23), m = asFloat((bits & 0x7fffffu) + 0x3f3504f3u);
    const float s = (m - 1.f) / (m + 1.f), t = s * s;
    float series = __builtin_fmaf(t, 1.f / 11, 1.f / 9);
    series = __builtin_fmaf(t, series, 1.f / 7);
    series = __builtin_fmaf(t, series, 1.f / 5);
    series = __builtin_fmaf(t, series, 1.f / 3);
    const float tail = 2.f * s * t * series;
    return __builtin_fmaf(n, 0.693147182f, 2.f * s + tail - n * 1.90465421e-9f);
}

// e^x - 1 without cancellation. Relative error below 5e-7.
DEVICE float exponentialMinusOne(float x) {
    // Taylor series to x^7: the next term is below 2^-24 of the first for |x| < 0.35.
    float series = __builtin_fmaf(x, 1.f / 5040, 1.f / 720);
    series = __builtin_fmaf(x, series, 1.f / 120);
    series = __builtin_fmaf(x, series, 1.f / 24);
    series = __builtin_fmaf(x, series, 1.f / 6);
    series = __builtin_fmaf(x, series, 0.5f);
    const float small = __builtin_fmaf(x * x, series, x);
    return x > -0.35f && x < 0.35f ? small : exponential(x) - 1.f;
}

// ln(1 + x) for x > -1: the rounding of 1 + x is undone by the factor x/((1 + x) - 1). Relative error below 6e-7.
DEVICE float logarithmOnePlus(float x) {
    const float y = 1.f + x, rounded = y - 1.f;
    return rounded == 0.f ? x : logarithm(y) * (x / rounded);
}

// 1/(1 + e^-x). e^-x is kept finite: the result only ever multiplies numbers that are far from 1e30.
DEVICE float sigmoid(float x, float &complement) {
    const float e = exponential(maximum(-x, -80.f) < 80.f ? maximum(-x, -80.f) : 80.f), y = 1.f / (1.f + e);
    complement = e * y;
    return y;
}
