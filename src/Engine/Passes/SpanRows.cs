using Faith.Kernels;

namespace Faith.Engine.Passes;

/// <summary>
/// The rows of a batch by the spans of their positions: cut into runs of rows of one span, each of which an operation takes for a sequence, and by span.
/// </summary>
internal sealed class SpanRows
{
    private readonly Device device;
    private readonly int[] firstRuns;
    private readonly int[] runSpans;
    private readonly Indices lastRuns;

    public SpanRows(Transformer model, Arena arena, bool measuring, Batch batch, int spans)
    {
        (device, Spans) = (model.Device, spans);
        Of = [.. batch.Examples.SelectMany((example, e) => example.SpanOf!.Skip(batch.PrefixLengths[e]))];
        OfLast = [.. batch.Examples.Select(example => example.SpanOf![^1])];
        firstRuns = new int[batch.Sequences + 1];
        var (lengths, labels) = (new List<int>(), new List<int>());
        for (int e = 0, row = 0; e < batch.Sequences; e++)
        {
            for (var end = row + batch.SuffixLengths[e]; row < end;)
            {
                var start = row;
                while (row < end && Of[row] == Of[start]) row++;
                lengths.Add(row - start);
                labels.Add(Of[start]);
            }
            firstRuns[e + 1] = lengths.Count;
        }
        runSpans = [.. labels];
        var none = new int[lengths.Count];
        Layout = new Ragged([.. lengths], none, none, lastQueryOnly: false);
        var (layoutMemory, lastMemory) = (arena.Integers(Layout.Integers), arena.Integers(batch.Sequences));
        if (measuring) return;
        device.Prepare(Layout, layoutMemory);
        lastRuns = device.Upload([.. firstRuns[1..].Select(end => end - 1)], lastMemory);
    }

    /// <summary>Number of spans.</summary>
    public int Spans { get; }
    /// <summary>The span of every row.</summary>
    public int[] Of { get; }
    /// <summary>The span of every sequence's last row.</summary>
    public int[] OfLast { get; }
    /// <summary>The runs as sequences.</summary>
    public Ragged Layout { get; }
    /// <summary>Number of runs.</summary>
    public int Runs => runSpans.Length;

    /// <summary>The runs of an example, and the span of each.</summary>
    public IEnumerable<(int Run, int Span)> RunsOf(int example) => Enumerable.Range(firstRuns[example], firstRuns[example + 1] - firstRuns[example]).Select(run => (run, runSpans[run]));

    /// <summary>y [runs × d] = x [sequences × d] in the rows of each sequence's last run, 0 in others.</summary>
    public void SpreadLast(Tensor x, Tensor y)
    {
        device.Fill(y, 0);
        device.ScatterAddRows(x, lastRuns, y);
    }
}
