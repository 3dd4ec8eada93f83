namespace Faith.Engine.Attribution;

/// <summary>Takes the scores of every example as a run computes them, so that statistics over examples need no second run.</summary>
public interface IScoreSink
{
    /// <summary>Scores of one example; called once an example, in the order of the data.</summary>
    /// <param name="example">Its number, from 0.</param>
    /// <param name="scores">[F·N], entry u·N + v, laid out like <see cref="Graphs.EdgeScores.Values"/>; valid during the call only.</param>
    void Add(int example, ReadOnlySpan<float> scores);
}
