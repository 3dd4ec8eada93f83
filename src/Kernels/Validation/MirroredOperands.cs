using Faith.Kernels.Host;

namespace Faith.Kernels.Validation;

/// <summary>
/// The operands of an operation as the referee sees them: copies in host memory of the device's memory from each operand's first element to its last, with
/// what lies between its rows. Operands that overlap there overlap here.
/// </summary>
internal sealed unsafe class MirroredOperands(Device device) : IOperands, IDisposable
{
    private const int Alignment = 64;
    private const int MostOfPiece = 1 << 30;
    private readonly List<Range> ranges = [];
    private HostBuffer mirror = new(0);
    private HostBuffer results = new(0);

    // Bytes of the device's memory, and where they stand in both buffers.
    private readonly record struct Range(nint Start, long Bytes, long Offset);

    private readonly record struct Piece(nint Start, int Bytes, long Offset)
    {
        public Span<byte> In(HostBuffer buffer) => new((byte*)buffer.Address + Offset, Bytes);
    }

    /// <inheritdoc/>
    public Tensor this[Tensor view] => view.IsNone || view.Rows == 0 ? view : view with { Pointer = In(mirror, view.Pointer) };

    /// <inheritdoc/>
    public Indices this[Indices view] => view.Pointer == 0 || view.Count == 0 ? view : view with { Pointer = In(mirror, view.Pointer) };

    /// <inheritdoc/>
    public Weights this[Weights weights] => ((ValidatedWeights)weights).Referees;

    /// <summary>Copies the operands as they are before the operation.</summary>
    public void Take(IEnumerable<Operand> operands)
    {
        ranges.Clear();
        long end = 0;
        foreach (var (start, bytes) in Merged(operands))
        {
            ranges.Add(new(start, bytes, end));
            end += (bytes + Alignment - 1) / Alignment * Alignment;
        }
        Grow(ref mirror, end);
        Grow(ref results, end);
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

    /// <summary>The first byte at which the device and the referee differ, as an address of the device; null where they agree.</summary>
    public nint? FirstDifference()
    {
        foreach (var piece in Pieces())
        {
            var same = piece.In(mirror).CommonPrefixLength(piece.In(results));
            if (same < piece.Bytes) return piece.Start + same;
        }
        return null;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        mirror.Dispose();
        results.Dispose();
    }

    private static List<(nint Start, long Bytes)> Merged(IEnumerable<Operand> operands)
    {
        var merged = new List<(nint Start, long Bytes)>();
        foreach (var operand in operands.Where(o => !o.View.IsNone && o.Bytes > 0).OrderBy(o => o.View.Pointer))
        {
            var start = operand.View.Pointer;
            if (merged.Count > 0 && merged[^1] is var last && start < last.Start + last.Bytes) merged[^1] = last with { Bytes = Math.Max(last.Bytes, start - last.Start + operand.Bytes) };
            else merged.Add((start, operand.Bytes));
        }
        return merged;
    }

    private static void Grow(ref HostBuffer buffer, long bytes)
    {
        if (buffer.Bytes >= bytes) return;
        buffer.Dispose();
        buffer = new(bytes);
    }

    private void Download(HostBuffer into)
    {
        foreach (var piece in Pieces()) device.Download(piece.Start, piece.In(into));
    }

    // The ranges in pieces that a span can hold.
    private IEnumerable<Piece> Pieces()
    {
        foreach (var range in ranges)
        {
            for (long done = 0; done < range.Bytes; done += MostOfPiece)
                yield return new(range.Start + (nint)done, (int)Math.Min(range.Bytes - done, MostOfPiece), range.Offset + done);
        }
    }

    private Span<float> Row(HostBuffer buffer, Tensor view, int row) => new((float*)In(buffer, view.Pointer) + (long)row * view.Stride, view.Columns);

    private nint In(HostBuffer buffer, nint pointer)
    {
        foreach (var range in ranges)
        {
            if (pointer >= range.Start && pointer < range.Start + range.Bytes) return buffer.Address + (nint)(range.Offset + (pointer - range.Start));
        }
        throw new ArgumentException("a view that is no operand", nameof(pointer));
    }
}
