// Compares what CudaDriver.cs, CudaGraph.cs and CuBlas.cs declare with NVIDIA's headers. Compiled by check-headers.sh, which
// takes the declarations out of those files, and never run.
#define __CUDA_API_VERSION_INTERNAL // Every version of a function, by the name that the library exports.
// The types of half precision that cublas_v2.h names; their headers need more of the SDK.
#define __CUDA_FP16_H__
#define __CUDA_BF16_H__
struct __half;
struct __nv_bfloat16;
#include <cublas_v2.h>
#include <cuda.h>

#include <cstddef>
#include <type_traits>

namespace ours {
using nint = intptr_t;
using nuint = size_t;
using uint = unsigned;
using ulong = unsigned long long;
using byte = unsigned char;
#include "structures.h" // NodeParameters

// A handle or an address is an nint; an enumeration is an integer of its size.
template <class Ours, class Theirs> constexpr bool agree() {
    if constexpr (std::is_same_v<Ours, nint>) return sizeof(Theirs) == sizeof(nint) && !std::is_floating_point_v<Theirs>;
    else if constexpr (std::is_pointer_v<Ours> && std::is_pointer_v<Theirs>) {
        using To = std::remove_cv_t<std::remove_pointer_t<Ours>>;
        using TheirTo = std::remove_cv_t<std::remove_pointer_t<Theirs>>;
        if constexpr (std::is_same_v<To, NodeParameters>) return std::is_same_v<TheirTo, CUDA_KERNEL_NODE_PARAMS_v1>;
        else if constexpr (std::is_void_v<TheirTo>) return true;
        else return agree<To, TheirTo>();
    } else
        return !std::is_pointer_v<Ours> && !std::is_pointer_v<Theirs> && sizeof(Ours) == sizeof(Theirs)
            && std::is_floating_point_v<Ours> == std::is_floating_point_v<Theirs>;
}

template <class... Ours> struct Signature {
    template <class... Theirs> static constexpr bool fits() { return (agree<Ours, Theirs>() && ...); }
    template <class Result, class... Theirs> static constexpr bool is(Result (*)(Theirs...)) {
        if constexpr (sizeof...(Ours) == sizeof...(Theirs) + 1) return fits<Theirs..., Result>();
        else return false;
    }
};
#define FUNCTION(name, ...) static_assert(Signature<__VA_ARGS__>::is(&name), "the header declares " #name " otherwise");
#include "functions.h" // FUNCTION(cuInit, uint, int) …

#define FIELD(name, theirs) static_assert(offsetof(NodeParameters, name) == offsetof(CUDA_KERNEL_NODE_PARAMS_v1, theirs), #name);
static_assert(sizeof(NodeParameters) == sizeof(CUDA_KERNEL_NODE_PARAMS_v1), "NodeParameters");
FIELD(Function, func)
FIELD(GridX, gridDimX)
FIELD(GridY, gridDimY)
FIELD(GridZ, gridDimZ)
FIELD(BlockX, blockDimX)
FIELD(BlockY, blockDimY)
FIELD(BlockZ, blockDimZ)
FIELD(SharedBytes, sharedMemBytes)
FIELD(KernelParameters, kernelParams)
FIELD(Extra, extra)
}

// The numbers that the code writes out.
#define NUMBER(name, value) static_assert(name == value, #name);
NUMBER(CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT, 16)
NUMBER(CU_DEVICE_ATTRIBUTE_L2_CACHE_SIZE, 38)
NUMBER(CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_MULTIPROCESSOR, 81)
NUMBER(CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR, 75)
NUMBER(CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR, 76)
NUMBER(CU_STREAM_NON_BLOCKING, 1)
NUMBER(CU_EVENT_DEFAULT, 0)
NUMBER(CU_JIT_ERROR_LOG_BUFFER, 5)
NUMBER(CU_JIT_ERROR_LOG_BUFFER_SIZE_BYTES, 6)
NUMBER(CUDA_ERROR_OUT_OF_MEMORY, 2)
NUMBER(CUDA_ERROR_ILLEGAL_ADDRESS, 700)
NUMBER(CUDA_ERROR_LAUNCH_TIMEOUT, 702)
NUMBER(CUDA_ERROR_ASSERT, 710)
NUMBER(CUDA_ERROR_HARDWARE_STACK_ERROR, 714)
NUMBER(CUDA_ERROR_ILLEGAL_INSTRUCTION, 715)
NUMBER(CUDA_ERROR_MISALIGNED_ADDRESS, 716)
NUMBER(CUDA_ERROR_INVALID_ADDRESS_SPACE, 717)
NUMBER(CUDA_ERROR_INVALID_PC, 718)
NUMBER(CUDA_ERROR_LAUNCH_FAILED, 719)
NUMBER(CUBLAS_STATUS_ALLOC_FAILED, 3)
NUMBER(CUBLAS_OP_N, 0)
NUMBER(CUBLAS_OP_T, 1)
NUMBER(CUBLAS_PEDANTIC_MATH, 2)
