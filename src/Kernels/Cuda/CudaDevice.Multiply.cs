using System.Numerics;
using System.Runtime.InteropServices;

namespace Faith.Kernels.Cuda;

// The launcher of Multiply.cu.
public sealed partial class CudaDevice
{
    [StructLayout(LayoutKind.Sequential)]
    private record struct GemmParameters
    {
        public RawTensor X, Y;
        public nint Weights, Bias;
        public long XBatch, WeightsBatch, YBatch;
        public int WeightsStride, Add, AlignedX, AlignedWeights, AlignedY;
        public RawTensor Operand;
        public int Epilogue;
    }

    /// <inheritdoc/>
    public override void Multiply(Weights weights, WeightSide side, Tensor x, Tensor y, Tensor bias = default, bool add = false, int k0 = 0,
        int n0 = 0, Epilogue then = default)
    {
        var w = (CudaWeights)weights;
        var (inputs, outputs) = side == WeightSide.Forward ? (w.Inputs, w.Outputs) : (w.Outputs, w.Inputs);
        if (x.Rows != y.Rows || k0 < 0 || n0 < 0 || k0 + x.Columns > inputs || n0 + y.Columns > outputs)
            throw new ArgumentException($"x {x.Rows} × {x.Columns} and y {y.Rows} × {y.Columns} do not fit rows {k0}… and columns {n0}… of a matrix of {inputs} × {outputs}", nameof(weights));
        if (!bias.IsNone)
            RequireShape(bias, 1, y.Columns);
        if (!then.Operand.IsNone)
            RequireShape(then.Operand, y.Rows, then.OperandColumns(y.Columns));
        if (then.IsGateBackward || then.Kind == EpilogueKind.Activate)
            Require(then.Activation);
        if (IsByLibrary(w))
        {
            MultiplyByLibrary(w, side, x, y, bias, add, k0, n0);
            Follow(y, then);
        }
        else
            MultiplyBatch(w, side, x, y, batch: 1, xBatch: 0, yBatch: 0, k0, n0, weightsBatch: 0, bias, add, then);
    }

    // The numbers that Multiply.cu has for what follows a product.
    private static int NumberOf(in Epilogue then) => (then.Kind, then.Activation.Gated, then.Activation.Slope) switch
    {
        (EpilogueKind.None, _, _) => 0,
        (EpilogueKind.Activate, false, ActivationSlope.Derivative) => 1,
        (EpilogueKind.Backward, false, _) => 2,
        (EpilogueKind.Activate, true, _) => 3,
        (EpilogueKind.Backward, true, ActivationSlope.Derivative) => 4,
        (EpilogueKind.Activate, false, _) => 5,
        _ => 6,
    };

    /// <summary>
    /// A batch of products y = x·W + bias, and what follows: x, y and the block of weights move by xBatch, yBatch and weightsBatch elements from one
    /// to the next.
    /// </summary>
    private void MultiplyBatch(CudaWeights w, WeightSide side, RawTensor x, RawTensor y, int batch, long xBatch, long yBatch, int k0, int n0,
        long weightsBatch, RawTensor bias, bool add, Epilogue then = default)
    {
        MatrixFlops += 2L * batch * x.Rows * x.Columns * y.Columns;
        var transposed = side == WeightSide.Transposed != w.StoredTransposed;
        var offset = w.Offset(side, k0, n0);
        var parameters = new GemmParameters
        {
            X = x,
            Y = y,
            Weights = w.Pointer + checked((nint)(offset * w.ElementBytes)),
            Bias = bias.Pointer,
            XBatch = xBatch,
            WeightsBatch = weightsBatch,
            YBatch = yBatch,
            WeightsStride = w.Stride,
            Add = add ? 1 : 0,
            AlignedX = InFours(x.Pointer, x.Stride, xBatch, 4),
            AlignedWeights = InFours(w.Pointer + (nint)(offset * w.ElementBytes), w.Stride, weightsBatch, w.ElementBytes),
            AlignedY = InFours(y.Pointer, y.Stride, yBatch, 4),
            Operand = then.Operand,
            Epilogue = NumberOf(then),
        };
        // For SwiGLU a block takes half a tile of gates and half a tile of ups, which start where the gates end.
        var paired = then.IsGate;
        if (paired && y.Columns / 2 % 4 != 0)
            parameters.AlignedWeights = parameters.AlignedY = 0;
        var (size, tile) = ChooseTile(y.Rows, y.Columns, batch);
        Launch($"gemm_{(w.Precision == WeightPrecision.BFloat16 ? "bf16" : "f32")}{(transposed ? "_transposed" : "")}_{size}", parameters,
            paired ? CeilDiv(y.Columns / 2, tile / 2) : CeilDiv(y.Columns, tile), CeilDiv(y.Rows, tile), batch);
    }

    // The largest tile that still gives every multiprocessor a block or two: a large one reads less, but an idle
    // multiprocessor costs more than that.
    private (string Size, int Tile) ChooseTile(int rows, int columns, int batch)
    {
        long Blocks(int tile) => CeilDiv(rows, tile) * CeilDiv(columns, tile) * batch;
        return rows > 64 && Blocks(128) >= 2 * _multiprocessors ? ("large", 128)
            : rows > 32 && Blocks(64) >= _multiprocessors ? ("medium", 64) : ("small", 32);
    }

    // 1 when groups of four elements start at multiples of four elements' bytes in every row of every product.
    private static int InFours(nint pointer, int stride, long batch, int elementBytes) =>
        BitOperations.TrailingZeroCount(pointer | (nint)stride * elementBytes | (nint)batch * elementBytes) >= (elementBytes == 4 ? 4 : 3)
            ? 1 : 0;
}
