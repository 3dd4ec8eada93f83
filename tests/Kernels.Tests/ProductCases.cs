using static Faith.Kernels.Tests.CaseContext;

namespace Faith.Kernels.Tests;

internal static class ProductCases
{
    /// <summary>Inputs, outputs, and the ranges used of them.</summary>
    readonly record struct Product(int Rows, int Inputs, int Outputs, int K0 = 0, int K = 0, int N0 = 0, int N = 0)
    {
        public override string ToString() => $"{Rows} × {Inputs} × {Outputs}" + (K > 0 ? $", k {K0}+{K}" : "") + (N > 0 ? $", n {N0}+{N}" : "");
    }

    public static IEnumerable<OpCase> All()
    {
        List<Product> shapes = [new(3, 1, 1), new(0, 8, 8), new(5, 32, 97), new(2, 97, 32), new(4, 8, 31), new(4, 33, 33), new(7, 64, 192), new(9, 300, 50)];
        // Every remainder of rows, at one column block and its neighbours.
        for (var rows = 1; rows <= 30; rows++) shapes.Add(new(rows, 40, 63 + rows % 4));
        shapes.AddRange([new(300, 30, 40), new(29, 777, 70), new(3, 1600, 65), new(50, 770, 33)]);
        // The tiles of a GPU, 32, 64 and 128 wide and 8 and 16 deep: whole ones, and ones that reach over the last rows, columns and k.
        shapes.AddRange([new(5, 16, 4), new(40, 32, 36), new(68, 16, 72), new(130, 48, 136), new(260, 48, 272), new(33, 48, 65), new(66, 20, 200), new(260, 37, 270)]);
        // Ranges of k and of n, at block borders and off them.
        int[] starts = [0, 1, 8, 31, 32, 33, 64, 100];
        shapes.AddRange(starts.Select(k0 => new Product(5, 165, 70, k0, 64)));
        shapes.AddRange(starts.Select(n0 => new Product(5, 70, 200, 0, 0, n0, 64)));
        shapes.AddRange(starts.Select(s => new Product(17, 170, 230, s, 65, s, 97)));
        shapes.AddRange([new(4, 1000, 40, 700, 200), new(4, 1700, 40, 1, 1699), new(4, 1000, 40, 768, 64), new(15, 40, 300, 3, 30, 250, 50), new(2, 800, 100, 767, 2, 95, 5)]);
        foreach (var shape in shapes)
            foreach (var side in new[] { WeightSide.Forward, WeightSide.Transposed })
                yield return new("Multiply", $"{side} {shape}", t => Multiply(t, shape, side), shape.Rows);
        foreach (var side in new[] { WeightSide.Forward, WeightSide.Transposed })
            yield return new("Multiply", $"{side}, every number of float16", t => MultiplyEveryHalf(t, side));
        // Gate and up in panels of their own and across one; several blocks of rows and of k.
        foreach (var (rows, k, f) in new[] { (1, 8, 5), (3, 40, 32), (15, 33, 64), (30, 770, 96), (300, 20, 33), (2, 16, 800), (68, 16, 72), (140, 16, 136) })
            foreach (var activation in ActivationCases.Every)
                foreach (var kind in (EpilogueKind[])[EpilogueKind.Activate, EpilogueKind.Backward])
                    yield return new("Multiply", $"{rows} × {k} × {f}, then {kind}, {activation}", t => MultiplyThen(t, rows, k, f, kind, activation));
        foreach (var precision in Enum.GetValues<WeightPrecision>())
            yield return new("CreateTable", $"{precision}", t =>
            {
                using var table = t.Table(37, 65, precision, out _);
                Assert.Equal((37, 65), (table.Inputs, table.Outputs));
                // A CPU fills up panels and blocks.
                var bytes = precision == WeightPrecision.Float32 ? 4 : 2;
                Assert.InRange(table.Bytes, 37 * 65 * bytes, 64 * 96 * bytes);
            });
        foreach (var stored in new[] { false, true })
            yield return new("CreateWeights", stored ? "stored transposed" : "stored as is", t =>
            {
                using var weights = t.Weights(37, 65, WeightPrecision.Float32, stored, out _);
                Assert.Equal((37, 65), (weights.Inputs, weights.Outputs));
                Assert.True(weights.Bytes >= 37 * 65 * 4);
            });
    }

    static void Multiply(CaseContext t, Product p, WeightSide side)
    {
        foreach (var (precision, stored, bias, add) in new[] { (WeightPrecision.Float32, false, false, false), (WeightPrecision.Float32, true, true, false), (WeightPrecision.BFloat16, true, true, true), (WeightPrecision.Float16, false, true, false) })
        {
            var forward = side == WeightSide.Forward;
            using var weights = t.Weights(forward ? p.Inputs : p.Outputs, forward ? p.Outputs : p.Inputs, precision, stored, out var w);
            int k = p.K == 0 ? p.Inputs : p.K, n = p.N == 0 ? p.Outputs : p.N;
            Tensor x = t.Batch(p.Rows, k), y = t.Batch(p.Rows, n), b = bias ? t.Matrix(1, n) : default;
            var before = Values(y);
            double W(int i, int j) => forward ? w[(p.K0 + i) * p.Outputs + p.N0 + j] : w[(p.N0 + j) * p.Inputs + p.K0 + i];
            var flops = t.Device.MatrixFlops;
            t.Device.Multiply(weights, side, x, y, b, add, p.K0, p.N0);
            Assert.Equal(2L * x.Rows * k * n, t.Device.MatrixFlops - flops);
            var factors = Values(x);
            double Expected(int r, int c)
            {
                var sum = (add ? before[r, c] : 0) + (bias ? At(b, 0, c) : 0);
                for (var i = 0; i < k; i++) sum += factors[r, i] * W(i, c);
                return sum;
            }
            // Of the cases of float16 one has a long sum that is larger on its way than what it ends at.
            t.Check(y, Expected, (precision == WeightPrecision.Float16 ? 3e-7 : 2e-7) * (4 + Math.Sqrt(k)), "y");
        }
    }

    /// <summary>A row of x picks one of W, which comes out as it is: numbers of float16 are widened exactly.</summary>
    static void MultiplyEveryHalf(CaseContext t, WeightSide side)
    {
        const int Rows = 16, Columns = 4096;
        float W(int row, int column) => BitConverter.UInt16BitsToHalf((ushort)(row * Columns + column)) is var half && Half.IsFinite(half) ? (float)half : 0;
        var forward = side == WeightSide.Forward;
        float[] values = [.. Enumerable.Range(0, Rows * Columns).Select(i => forward ? W(i / Columns, i % Columns) : W(i % Rows, i / Rows))];
        using var weights = t.Device.CreateWeights(new ArrayMatrix(values, forward ? Rows : Columns, forward ? Columns : Rows, storedTransposed: false, WeightPrecision.Float16));
        Tensor x = t.Matrix(Rows, Rows), y = t.Matrix(Rows, Columns);
        for (var i = 0; i < Rows * Rows; i++) At(x, i / Rows, i % Rows) = i / Rows == i % Rows ? 1 : 0;
        t.Written(x);
        t.Device.Multiply(weights, side, x, y);
        t.Check(y, (r, c) => W(r, c), 0, "y");
    }

    /// <summary>The bits of the operations one after the other.</summary>
    static void MultiplyThen(CaseContext t, int rows, int k, int f, EpilogueKind kind, Activation activation)
    {
        var forward = kind == EpilogueKind.Activate;
        var outputs = forward && activation.Gated ? 2 * f : f;
        using var weights = t.Weights(forward ? k : outputs, forward ? outputs : k, WeightPrecision.Float32, true, out _);
        var side = forward ? WeightSide.Forward : WeightSide.Transposed;
        Tensor x = t.Batch(rows, k), bias = forward ? t.Matrix(1, outputs) : default, y = t.Batch(rows, outputs), plain = t.Batch(rows, outputs);
        Tensor operand = t.Batch(rows, !forward && activation.Gated ? 2 * f : f), after = t.Batch(rows, operand.Columns);
        t.Device.Copy(operand, after);
        t.Device.Multiply(weights, side, x, y, bias, then: new(kind, activation, operand));
        t.Device.Multiply(weights, side, x, plain, bias);
        switch (forward, activation.Gated)
        {
            case (true, true): t.Device.Activate(activation, plain, after, default); break;
            case (true, false): t.Device.Activate(activation, plain, plain, after); break;
            case (false, true): t.Device.GateBackward(activation, after, plain, after); break;
            default: t.Device.MultiplyElements(plain, after, plain); break;
        }
        t.Written(plain);
        t.Written(after);
        t.Check(y, (r, c) => At(plain, r, c), 0, "y");
        // A slope is only read.
        t.Check(operand, (r, c) => At(after, r, c), 0, "operand");
        if (!forward || activation.Gated) return;
        t.Device.Multiply(weights, side, x, y, bias, then: new(kind, activation, default));
        t.Check(y, (r, c) => At(plain, r, c), 0, "y without slope");
    }
}
