using System.Runtime.ExceptionServices;
using Faith.Engine.Data;
using Faith.Engine.Graphs;
using Faith.Engine.Models;
using Faith.Kernels;
using Faith.Kernels.Gpu;

namespace Faith.Engine.Passes;

/// <summary>
/// A model on one device or on several, each of which holds all parameters. What runs on a set is cut into one part of the
/// examples a device, on a thread each; the results have the same bits as on one device of that kind. A
/// <see cref="Transformer"/> stands for a set of one.
/// </summary>
public sealed class TransformerSet : IDisposable
{
    private readonly Transformer[] models;

    /// <summary>Packs <paramref name="weights"/> on every device; the devices stay the caller's.</summary>
    /// <param name="devices">At least one.</param>
    /// <param name="weights">The model.</param>
    /// <param name="notice">See <see cref="Transformer.Notice"/>; may be called from several threads.</param>
    public TransformerSet(IReadOnlyList<Device> devices, ModelWeights weights, Action<string>? notice = null)
    {
        ArgumentNullException.ThrowIfNull(devices);
        ArgumentOutOfRangeException.ThrowIfZero(devices.Count, nameof(devices));
        models = new Transformer[devices.Count];
        try
        {
            InParallel([.. devices], i => models[i] = new Transformer(devices[i], weights) { Notice = notice }, () => { });
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    private TransformerSet(Transformer model) => models = [model];

    /// <summary>A set of one; it needs no disposal beside the model's own.</summary>
    public static implicit operator TransformerSet(Transformer model) => new(model ?? throw new ArgumentNullException(nameof(model)));

    /// <summary>A set of one; it needs no disposal beside the model's own.</summary>
    public static TransformerSet FromTransformer(Transformer model) => model;

    /// <summary>Number of devices.</summary>
    public int Count => models.Length;
    /// <summary>The model on the first device.</summary>
    public Transformer First => models[0];
    /// <summary>The model's graph.</summary>
    public ModelGraph Graph => First.Graph;
    /// <summary>The model's description.</summary>
    public ModelConfig Config => First.Config;
    /// <summary>The devices, for reports.</summary>
    public string DeviceName => string.Join(" + ", models.Select(m => m.Device.Name));

    /// <summary>
    /// Runs <paramref name="work"/> on parts of the examples, one a device, and returns what each gave in the order of the data. The
    /// first error stops all parts and is thrown once they have stopped.
    /// </summary>
    /// <param name="data">The examples; not none.</param>
    /// <param name="work">Gets a model, its part, where to report progress on the part, and what stops it.</param>
    internal T[] Run<T>(IReadOnlyList<Example> data, Func<Transformer, ExamplePart, IProgress<RunProgress>?, CancellationToken, T> work,
        IProgress<RunProgress>? progress, CancellationToken cancellation)
    {
        var parts = ExamplePart.Split(data, Count);
        var results = new T[parts.Length];
        var reports = progress is null ? null : new PartProgress(progress, data.Count);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        InParallel([.. models.Take(parts.Length).Select(m => m.Device)], i => results[i] = work(models[i], parts[i], reports?.Of(parts[i]), stop.Token), stop.Cancel);
        return results;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var model in models) model?.Dispose();
    }

    /// <summary>Does the work of every device on a thread of its own; the first error calls <paramref name="stop"/> and is thrown at the end.</summary>
    private static void InParallel(Device[] devices, Action<int> work, Action stop)
    {
        if (devices.Length == 1)
        {
            work(0);
            return;
        }
        Exception? first = null;
        var threads = devices.Select((device, i) => new Thread(() =>
        {
            try
            {
                work(i);
            }
            catch (Exception e)
            {
                // What the others throw once they are stopped comes later.
                if (Interlocked.CompareExchange(ref first, Named(e, device), null) is null) stop();
            }
        }) { Name = device.Name }).ToArray();
        foreach (var thread in threads) thread.Start();
        foreach (var thread in threads) thread.Join();
        if (first is not null) ExceptionDispatchInfo.Throw(first);
    }

    /// <summary>Of several devices the message says which.</summary>
    private static Exception Named(Exception e, Device device) => e switch
    {
        GpuException gpu => new GpuException($"{device.Name}: {gpu.Message}", gpu),
        DeviceMemoryException => new DeviceMemoryException($"{device.Name}: {e.Message}"),
        _ => e,
    };

    /// <summary>The progress of all parts as one, in examples.</summary>
    private sealed class PartProgress(IProgress<RunProgress> whole, int examples)
    {
        private readonly Lock gate = new();
        private double done;

        public IProgress<RunProgress> Of(ExamplePart part) => new Reporter(this, part.Count);

        private void Add(double examplesDone, string phase)
        {
            done += examplesDone;
            whole.Report(new RunProgress((int)Math.Round(done), examples, phase));
        }

        private sealed class Reporter(PartProgress all, int count) : IProgress<RunProgress>
        {
            private double own;

            public void Report(RunProgress value)
            {
                lock (all.gate)
                {
                    var before = own;
                    own = (double)count * value.Done / Math.Max(value.Total, 1);
                    all.Add(own - before, value.Phase);
                }
            }
        }
    }
}
