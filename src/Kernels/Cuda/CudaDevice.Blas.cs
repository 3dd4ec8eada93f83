namespace Faith.Kernels.Cuda;

// Products by cuBLAS, on devices that were opened with it.
public sealed unsafe partial class CudaDevice
{
    private readonly CuBlas? _blas;
    private readonly CudaHandle? _blasHandle;

    private CudaHandle OpenBlas(CuBlas blas, out int version)
    {
        nint handle;
        CuBlas.Check(blas.cublasCreate(&handle));
        var opened = new CudaHandle(_context, handle, blas.cublasDestroy);
        try
        {
            int number;
            // CUBLAS_PEDANTIC_MATH: the prescribed precision in all phases of a calculation, whatever the environment asks for.
            const int pedantic = 2;
            CuBlas.Check(blas.cublasSetStream(handle, _stream.Value));
            CuBlas.Check(blas.cublasSetMathMode(handle, pedantic));
            CuBlas.Check(blas.cublasGetVersion(handle, &number));
            version = number;
            return opened;
        }
        catch
        {
            opened.Dispose();
            throw;
        }
    }

    private bool IsByLibrary(CudaWeights weights) => _blas is not null && weights.Precision == WeightPrecision.Float32;

    /// <summary>
    /// A product with float32 weights. A row-major matrix is the transposed column-major one, so yᵀ = Wᵀ·xᵀ: W stands first.
    /// The bias is laid into y before the product is added to it.
    /// </summary>
    private void MultiplyByLibrary(CudaWeights w, WeightSide side, Tensor x, Tensor y, Tensor bias, bool add, int k0, int n0)
    {
        if (y.Rows == 0 || y.Columns == 0)
            return;
        if (!bias.IsNone)
        {
            // Every row of this view is the bias.
            var rows = bias with { Rows = y.Rows, Stride = 0 };
            if (add)
                AddScaled(rows, 1, y);
            else
                Copy(rows, y);
        }
        MatrixFlops += 2L * x.Rows * x.Columns * y.Columns;
        const int asStored = 0, transpose = 1;
        float one = 1, old = add || !bias.IsNone ? 1 : 0;
        var weights = w.Pointer + checked((nint)(w.Offset(side, k0, n0) * w.ElementBytes));
        // What was written down before comes first.
        if (_inSequence)
            IssueSequence();
        _context.MakeCurrent();
        CuBlas.Check(_blas!.cublasSgemm(_blasHandle!.Value, side == WeightSide.Transposed != w.StoredTransposed ? transpose : asStored, asStored,
            y.Columns, y.Rows, x.Columns, &one, weights, w.Stride, ((RawTensor)x).Pointer, x.Stride, &old, ((RawTensor)y).Pointer, y.Stride));
    }
}
