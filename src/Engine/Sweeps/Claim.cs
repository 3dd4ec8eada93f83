namespace Faith.Engine.Sweeps;

/// <summary>A cell that this process works on, refreshed until it is given back.</summary>
public sealed class Claim : IDisposable
{
    private readonly Action release;
    private readonly Timer timer;

    internal Claim(Action refresh, Action release, TimeSpan period)
    {
        this.release = release;
        timer = new(_ => refresh(), null, period, period);
    }

    /// <summary>Gives the cell back.</summary>
    public void Dispose()
    {
        using (var stopped = new ManualResetEvent(false))
        {
            // A refresh that has begun must not write into a folder that is being removed.
            if (timer.Dispose(stopped)) stopped.WaitOne();
        }
        release();
    }
}
