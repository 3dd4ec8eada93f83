// All kernels in one file, so that they become one PTX module.
#include "elementwise.cu"
#include "norm.cu"
#include "gemm.cu"
#include "attention.cu"
#include "attention_short.cu"
#include "scores.cu"
#include "metrics.cu"
#include "probe.cu"
