using Faith.Kernels.Host;

namespace Faith.Kernels.Validation;

/// <summary>
/// The operands of an operation as the referee sees them: copies in host memory of the device's memory from each operand's first element to its last, with
/// what lies between its rows. Operands that overlap there overlap here.
/// </summary>
internal sealed unsafe class MirroredOperands(Device device) : IOperands, IDisposable
{
    private const int Alignment = 16; // elements
    private const int MostOfPiece = 1 << 28;
    private readonly List<Range> ranges = [];
    private HostBuffer mirror = new(0);
    private HostBuffer results = new(0);

    // Elements of the device's memory, and before which element they stand in both buffers.
    private readonly record struct Range(DeviceBuffer Buffer, long Start, long Count, long Mirrored)
    {
        public bool Holds(DeviceBuffer buffer, long offset) => buffer == Buffer && offset >= Start && offset < Start + Count;

        public Span<byte> In(HostBuffer buffer) => new(buffer.Floats + Mirrored, checked((int)(sizeof(float) * Count)));
    }

    /// <inheritdoc/>
    public Tensor this[Tensor view] => view.IsNone || view.Rows == 0 ? view : view with { Buffer = mirror, Offset = Mirrored(view.Buffer!, view.Offset) };

    /// <inheritdoc/>
    public Indices this[Indices view] => view.Count == 0 ? view : view with { Buffer = mirror, Offset = Mirrored(view.Buffer!, view.Offset) };

    /// <inheritdoc/>
    public Weights this[Weights weights] => ((ValidatedWeights)weights).Referees;

    /// <summary>Copies the operands as they are before the operation.</summary>
    public void Take(IEnumerable<Operand> operands)
    {
        ranges.Clear();
        long end = 0;
        foreach (var view in operands.Select(o => o.View).Where(v => !v.IsNone && v.Extent > 0).OrderBy(v => v.Offset))
        {
            // Those that overlap lie behind each other in one range.
            var (at, reach) = (ranges.FindLastIndex(r => r.Holds(view.Buffer!, view.Offset)), view.Offset + view.Extent);
            if (at < 0) ranges.Add(new(view.Buffer!, view.Offset, view.Extent, 0));
            else ranges[at] = ranges[at] with { Count = Math.Max(ranges[at].Count, reach - ranges[at].Start) };
        }
        for (var i = 0; i < ranges.Count; i++)
        {
            ranges[i] = ranges[i] with { Mirrored = end };
            end += (ranges[i].Count + Alignment - 1) / Alignment * Alignment;
        }
        Grow(ref mirror, sizeof(float) * end);
        Grow(ref results, sizeof(float) * end);
        Download(mirror);
    }

    /// <summary>Copies what the device's operation has made of them.</summary>
    public void TakeResults() => Download(results);

    /// <summary>A row of an operand as the referee has it.</summary>
    public Span<float> Referees(Tensor view, int row) => Row(mirror, view, row);

    /// <summary>A row of an operand as the device has left it.</summary>
    public Span<float> Own(Tensor view, int row) => Row(results, view, row);

    /// <summary>The largest absolute value of an operand as the referee has it; of none 0. NaN and infinities are passed over.</summary>
    public double Largest(Tensor view)
    {
        if (view.IsNone) return 0;
        var largest = 0f;
        for (var r = 0; r < view.Rows; r++)
        {
            foreach (var value in Referees(view, r))
            {
                if (float.IsFinite(value)) largest = Math.Max(largest, Math.Abs(value));
            }
        }
        return largest;
    }

    /// <summary>The first element in which the device and the referee differ, by its buffer and offset there; null where they agree.</summary>
    public (DeviceBuffer Buffer, long Offset)? FirstDifference()
    {
        foreach (var piece in Pieces())
        {
            var same = piece.In(mirror).CommonPrefixLength(piece.In(results)) / sizeof(float);
            if (same < piece.Count) return (piece.Buffer, piece.Start + same);
        }
        return null;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        mirror.Dispose();
        results.Dispose();
    }

    private static void Grow(ref HostBuffer buffer, long bytes)
    {
        if (buffer.Bytes >= bytes) return;
        buffer.Dispose();
        buffer = new(bytes);
    }

    private void Download(HostBuffer into)
    {
        foreach (var piece in Pieces()) device.Download(piece.Buffer, sizeof(float) * piece.Start, piece.In(into));
    }

    // The ranges in pieces that a span can hold.
    private IEnumerable<Range> Pieces()
    {
        foreach (var range in ranges)
        {
            for (long done = 0; done < range.Count; done += MostOfPiece)
                yield return range with { Start = range.Start + done, Count = Math.Min(range.Count - done, MostOfPiece), Mirrored = range.Mirrored + done };
        }
    }

    private Span<float> Row(HostBuffer buffer, Tensor view, int row) => new(buffer.Floats + Mirrored(view.Buffer!, view.Offset) + (long)row * view.Stride, view.Columns);

    private long Mirrored(DeviceBuffer buffer, long offset)
    {
        foreach (var range in ranges)
        {
            if (range.Holds(buffer, offset)) return range.Mirrored + offset - range.Start;
        }
        throw new ArgumentException("a view that is no operand", nameof(offset));
    }
}
