namespace Faith.Kernels.Tests.Cuda;

internal static class NormCases
{
    private static readonly (int Rows, int Width)[] Shapes = [(1, 1), (3, 8), (2, 127), (5, 129), (2, 768), (1, 1500)];

    public static IEnumerable<OpCase> All =>
    [
        .. from s in Shapes from centred in (bool[])[true, false] select new OpCase("NormForward",
            $"{s.Rows} × {s.Width}{(centred ? "" : ", RMS")}", c => Forward(c, s.Rows, s.Width, centred)),
        .. from s in Shapes from centred in (bool[])[true, false] select new OpCase("NormBackward",
            $"{s.Rows} × {s.Width}{(centred ? "" : ", RMS")}", c => Backward(c, s.Rows, s.Width, centred)),
    ];

    private static Outcome[] Forward(OpContext c, int rows, int width, bool centred)
    {
        const float epsilon = 1e-5f;
        // A mean far from zero: the variance must not be taken as a difference of large numbers.
        var x = c.Values(rows * width).Select(v => v + 30).ToArray();
        var dx = c.Arena.Put(x, rows, width, width + 3);
        var (scale, dScale) = c.Random(1, width);
        var (shift, dShift) = c.Random(1, width);
        var (y, xhat, inverse, bare) = (c.Arena.New(rows, width, width + 1), c.Arena.New(rows, width), c.Arena.New(rows, 1),
            c.Arena.New(rows, width));
        c.Device.NormForward(dx, dScale, dShift, epsilon, centred, y, xhat, inverse);
        c.Device.NormForward(dx, dScale, default, epsilon, centred, bare, default, default);
        var expected = Reference.Norm(x, scale, shift, epsilon, centred, rows, width);
        var expectedBare = Reference.Norm(x, scale, null, epsilon, centred, rows, width);
        return [Outcome.Sum("y", c.Arena.Get(y), expected.Y), Outcome.Sum("xhat", c.Arena.Get(xhat), expected.Xhat),
            Outcome.Sum("inverseSigma", c.Arena.Get(inverse), expected.InverseSigma),
                Outcome.Sum("y without shift", c.Arena.Get(bare), expectedBare.Y)];
    }

    private static Outcome[] Backward(OpContext c, int rows, int width, bool centred)
    {
        var (dy, ddy) = c.Random(rows, width, width + 2);
        var (scale, dScale) = c.Random(1, width);
        var (xhat, dXhat) = c.Random(rows, width, 0, 2);
        var (inverse, dInverse) = c.Random(rows, 1);
        var (before, added) = c.Random(rows, width, width + 1);
        var (beforeConstant, constant) = c.Random(rows, width);
        var set = c.Arena.New(rows, width);
        c.Device.NormBackward(ddy, dScale, dXhat, dInverse, centred, add: false, set);
        c.Device.NormBackward(ddy, dScale, dXhat, dInverse, centred, add: true, added);
        c.Device.NormBackward(ddy, dScale, default, dInverse, centred, add: true, constant);
        var expected = Reference.NormGradient(dy, scale, xhat, inverse, centred, rows, width);
        var expectedConstant = Reference.NormGradient(dy, scale, new float[xhat.Length], inverse, centred, rows, width);
        return [Outcome.Sum("dx", c.Arena.Get(set), expected),
            Outcome.Sum("dx with σ constant", c.Arena.Get(constant), [.. expectedConstant.Zip(beforeConstant, (a, b) => a + b)]),
            Outcome.Sum("dx added", c.Arena.Get(added), [.. expected.Zip(before, (a, b) => a + b)])];
    }
}
