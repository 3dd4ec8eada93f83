using System.Text.Json.Nodes;
using Faith.Engine.Ablations;
using Faith.Engine.Attribution;
using Faith.Engine.Circuits;
using Faith.Engine.Compatibility;
using Faith.Engine.Data;
using Faith.Engine.Graphs;
using Faith.Engine.Metrics;
using Faith.Engine.Models;
using Faith.Engine.Passes;
using Faith.Engine.Tests.Attribution;
using Faith.Engine.Tests.Oracle;
using Faith.Kernels.Host;
using Xunit;

namespace Faith.Engine.Tests.Families;

/// <summary>
/// A random model of every family in the layout of its publishers, with what the library transformers computes on it in float64: the logits
/// after eight pairs of prompts, and from its gradients the score of every edge. The folders beside this file hold them.
/// </summary>
public sealed class FamilyTests
{
    private const double Tolerance = 2e-5;

    public static TheoryData<string> Names() => [.. Directory.GetDirectories(FamilyDirectory.Root).Select(folder => Path.GetFileName(folder)).Order(StringComparer.Ordinal)];

    [Theory, MemberData(nameof(Names))]
    public void LogitsAgree(string family)
    {
        var directory = new FamilyDirectory(family);
        using var device = new HostDevice(2);
        using var model = new Transformer(device, directory.Load());
        foreach (var (example, golden) in directory.Examples.Zip(directory.Golden))
        {
            Close.Check(Golden.Numbers(golden["clean_logits"]!), Widened(TextGenerator.LastLogits(model, example.Clean)), Tolerance, $"clean, {family}");
            Close.Check(Golden.Numbers(golden["corrupted_logits"]!), Widened(TextGenerator.LastLogits(model, example.Corrupted)), Tolerance, $"corrupted, {family}");
        }
    }

    [Theory, MemberData(nameof(Names))]
    public void MetricsAgree(string family)
    {
        var directory = new FamilyDirectory(family);
        using var device = new HostDevice(2);
        using var model = new Transformer(device, directory.Load());
        double[] Expected(string key) => [.. directory.Golden.Select(golden => (double)golden[key]!)];
        var result = CircuitEvaluator.Evaluate(model, directory.Examples, [Circuit.Empty(model.Graph), Circuit.Full(model.Graph)], MetricKind.LogitDifference);
        Close.Check(Expected("clean_logit_diff"), result[0].Clean, Tolerance, $"clean, {family}");
        Close.Check(Expected("corrupted_logit_diff"), result[0].Corrupted, Tolerance, $"corrupted, {family}");
        Close.Check(Expected("corrupted_logit_diff"), result[0].Circuit, Tolerance, $"no edge, {family}");
        Close.Check(Expected("clean_logit_diff"), result[1].Circuit, Tolerance, $"all edges, {family}");
    }

    [Theory, MemberData(nameof(Names))]
    public void ScoresAgree(string family)
    {
        var directory = new FamilyDirectory(family);
        foreach (var (file, method) in new[] { ("eap", "eap"), ("eap-ig-5", "eap-ig") })
        {
            var weights = directory.Load();
            var expected = directory.Scores(file, new ModelGraph(weights.Config.Layers, weights.Config.Heads, weights.Config.ParallelBlocks));
            Close.Check(expected, Scoring.Scores(weights, directory.Examples, new() { Method = method, Steps = 5 }), Tolerance, $"{method}, {family}");
        }
    }

    // The oracle computes with the parameters as the engine reads them, so that sums and roots which reading rounds are off by a part in 10⁷.
    [Theory, MemberData(nameof(Names))]
    public void TheOracleAgrees(string family)
    {
        var directory = new FamilyDirectory(family);
        using var weights = directory.Load();
        var model = new LiteralModel(weights);
        foreach (var (example, golden) in directory.Examples.Zip(directory.Golden))
            Close.Check(Golden.Numbers(golden["clean_logits"]!), model.Run(example.Clean).LastLogits, 1e-6, $"clean, {family}");
        Close.Check(directory.Scores("eap", model.Graph), OracleRun.Scores(weights, directory.Examples, OracleMethod.Eap), 1e-6, $"eap, {family}");
        Close.Check(directory.Scores("eap-ig-5", model.Graph), OracleRun.Scores(weights, directory.Examples, OracleMethod.EapIg, steps: 5), 1e-6, $"eap-ig, {family}");
    }

    [Theory]
    [InlineData("gpt_neox", "hidden_act", "\"quick_gelu\"", "hidden_act is \"quick_gelu\"; supported: gelu, gelu_new")]
    [InlineData("gpt_neox", "num_attention_heads", "5", "num_attention_heads is 5; supported: a divisor of hidden_size = 48")]
    [InlineData("gpt_neox", "use_parallel_residual", "\"yes\"", "use_parallel_residual is \"yes\"; supported: true or false")]
    [InlineData("gpt_neox", "rope_parameters", "{\"rope_type\":\"dynamic\",\"factor\":2}", "rope_parameters.rope_type is \"dynamic\"; supported: default, linear, llama3, yarn, longrope (su)")]
    [InlineData("gpt_neox", "rope_parameters", "{\"partial_rotary_factor\":0.2}", "rope_parameters.partial_rotary_factor is 0.2; supported: an even number of the 16 columns of a head")]
    [InlineData("gpt_neox", "rope_parameters", "{\"partial_rotary_factor\":1e300}", "rope_parameters.partial_rotary_factor is 1e300")]
    [InlineData("gpt_neox", "architectures", "[\"GPTNeoXForSequenceClassification\"]", "for model_type gpt_neox: GPTNeoXForCausalLM")]
    [InlineData("gpt_neox", "attention_bias", "false", "unexpected tensor 'gpt_neox.layers.0.attention.dense.bias'")]
    [InlineData("gpt_neox", "intermediate_size", "96", "has shape [192, 48]; config.json makes it [96, 48]")]
    [InlineData("gemma", "hidden_activation", "\"gelu\"", "hidden_activation is \"gelu\"; supported: gelu_pytorch_tanh")]
    [InlineData("gemma", "hidden_act", "\"silu\"", "hidden_act is \"silu\"; supported: gelu_pytorch_tanh")]
    [InlineData("gemma", "num_key_value_heads", "3", "num_key_value_heads is 3; supported: a divisor of num_attention_heads = 4")]
    [InlineData("gemma", "head_dim", "11", "head_dim is 11; supported: an even number")]
    [InlineData("gemma", "attention_bias", "true", "attention_bias is true; supported: false")]
    [InlineData("gemma", "use_bidirectional_attention", "true", "use_bidirectional_attention is true; supported: false")]
    [InlineData("gemma", "layer_types", "[\"full_attention\",\"sliding_attention\"]", "layer_types is")]
    [InlineData("gemma", "model_type", "\"gemma4\"", "model_type is \"gemma4\"; supported: gpt2")]
    [InlineData("gemma2", "attn_logit_softcapping", "-1", "attn_logit_softcapping is -1; supported: a positive number")]
    [InlineData("gemma2", "final_logit_softcapping", "1e-50", "final_logit_softcapping is 1e-50; supported: null or a number between 1e-45 and 1e38")]
    [InlineData("gemma2", "query_pre_attn_scalar", "0", "query_pre_attn_scalar is 0; supported: a positive number")]
    [InlineData("gemma2", "hidden_act", "\"silu\"", "hidden_act is \"silu\"; supported: the value of hidden_activation, or none")]
    [InlineData("gemma2", "layer_types", "[\"sliding_attention\"]", "layer_types is [\"sliding_attention\"]; supported: one of full_attention, sliding_attention for each of 3 layers")]
    [InlineData("gemma3_text", "rope_parameters", "{\"rope_theta\":10000}", "supported: an object with full_attention")]
    [InlineData("olmo2", "num_key_value_heads", "3", "num_key_value_heads is 3; supported: a divisor of num_attention_heads = 4")]
    [InlineData("olmo2", "num_key_value_heads", "2", "has shape [48, 48]; config.json makes it [24, 48]")]
    [InlineData("olmo2", "attention_bias", "true", "tensor 'model.layers.0.self_attn.q_proj.bias' of shape [48] is missing")]
    [InlineData("gemma2", "use_bidirectional_attention", "true", "use_bidirectional_attention is true; supported: false")]
    [InlineData("stablelm", "qk_layernorm", "true", "tensor 'model.layers.0.self_attn.q_layernorm.norms.0.weight' of shape [16] is missing")]
    [InlineData("stablelm", "num_key_value_heads", "null", "num_key_value_heads is absent; supported: a divisor of num_attention_heads = 3")]
    [InlineData("stablelm", "use_qkv_bias", "true", "tensor 'model.layers.0.self_attn.q_proj.bias' of shape [48] is missing")]
    [InlineData("opt", "do_layer_norm_before", "false", "do_layer_norm_before is false; supported: true")]
    [InlineData("opt", "word_embed_proj_dim", "16", "word_embed_proj_dim is 16; supported: hidden_size = 32")]
    [InlineData("opt", "_remove_final_layer_norm", "true", "_remove_final_layer_norm is true; supported: false")]
    [InlineData("opt", "layer_norm_elementwise_affine", "false", "layer_norm_elementwise_affine is false; supported: true")]
    [InlineData("opt", "enable_bias", "false", "unexpected tensor 'model.decoder.layers.0.fc1.bias'")]
    [InlineData("opt", "max_position_embeddings", "34", "has shape [34, 32]; config.json makes it [36, 32]")]
    [InlineData("starcoder2", "mlp_type", "\"gated\"", "mlp_type is \"gated\"; supported: default")]
    [InlineData("starcoder2", "norm_type", "\"rms_norm\"", "norm_type is \"rms_norm\"; supported: layer_norm")]
    [InlineData("starcoder2", "head_dim", "10", "head_dim is 10; supported: hidden_size / num_attention_heads = 12")]
    [InlineData("starcoder2", "use_bias", "false", "unexpected tensor 'model.layers.0.mlp.c_fc.bias'")]
    [InlineData("starcoder2", "layer_types", "[\"full_attention\",\"full_attention\"]", "supported: sliding_attention beside a sliding_window")]
    [InlineData("gpt_neo", "attention_layers", "[\"local\",\"global\"]", "attention_layers is [\"local\",\"global\"]; supported: what attention_types says, or none")]
    [InlineData("gpt_neo", "attention_layers", "[\"global\",\"sparse\"]", "supported: global or local for each of 2 layers")]
    [InlineData("gpt_neo", "attention_types", "[[[\"global\"],1]]", "attention_types is [[[\"global\"],1]]; supported: [[[types], times], …] that make global or local for each of 2 layers")]
    [InlineData("gpt_neo", "attention_types", "[[[\"global\"],2147483647]]", "attention_types is")]
    [InlineData("gpt_neo", "attention_types", "[[\"global\",2]]", "attention_types is")]
    [InlineData("gpt_neo", "attention_types", "[[[\"global\",null],1]]", "attention_types is")]
    [InlineData("gpt_neo", "attention_types", "3", "attention_types is 3")]
    [InlineData("gpt_neo", "window_size", "0", "window_size is 0; supported: a whole number from 1")]
    [InlineData("gpt_neo", "num_heads", "5", "num_heads is 5; supported: a divisor of hidden_size = 32")]
    [InlineData("gpt_neo", "activation_function", "\"swish2\"", "activation_function is \"swish2\"")]
    public void WhatIsNotSupportedIsNamed(string family, string key, string json, string expected)
    {
        using var changed = new FamilyDirectory(family).With(config => config[key] = JsonNode.Parse(json));
        var message = Assert.Throws<InputException>(() => ModelLoader.Load(changed.Path).Dispose()).Message;
        Assert.StartsWith(changed.Path, message);
        Assert.Contains(expected, message);
    }

    [Theory]
    [InlineData("""{"rotary_pct":0.25,"rotary_emb_base":10000}""")]
    [InlineData("""{"rotary_emb_base":10000,"rope_scaling":null}""")]
    [InlineData("""{"rotary_pct":0.25,"rope_theta":10000.0,"partial_rotary_factor":0.25}""")]
    [InlineData("{}")]
    public void GptNeoxSpellsRotaryInTwoWays(string json)
    {
        using var expected = new FamilyDirectory("gpt_neox").Load();
        using var changed = new FamilyDirectory("gpt_neox").With(config => Respell(config, json));
        using var actual = ModelLoader.Load(changed.Path);
        Assert.Equal(new RotaryConfig(10000, 4), actual.Config.Rotary![0]);
        Assert.Equal(expected.Config, actual.Config);
    }

    [Theory]
    [InlineData("""{"rotary_pct":1.0,"rotary_emb_base":500}""", 500, 16)]
    [InlineData("""{"rotary_pct":0.5,"rope_theta":77}""", 77, 8)]
    public void GptNeoxTurnsTheShareThatTheFileSays(string json, double theta, int columns)
    {
        using var changed = new FamilyDirectory("gpt_neox").With(config => Respell(config, json));
        using var actual = ModelLoader.Load(changed.Path);
        Assert.Equal(new RotaryConfig(theta, columns), actual.Config.Rotary![0]);
    }

    [Theory]
    [InlineData("attention_layers", null)]
    [InlineData("attention_types", null)]
    [InlineData("attention_types", "[[[\"global\"],1],[[\"local\"],1]]")]
    public void GptNeoSpellsItsLayersInTwoWays(string key, string? json)
    {
        using var changed = new FamilyDirectory("gpt_neo").With(config =>
        {
            config.Remove(key);
            if (json is not null) config[key] = JsonNode.Parse(json);
        });
        using var weights = ModelLoader.Load(changed.Path);
        Assert.Equal([null, 4], weights.Config.Windows);
    }

    [Fact]
    public void TwoNamesOfOneSettingMustAgree()
    {
        using var changed = new FamilyDirectory("gpt_neox").With(config => Respell(config, """{"rotary_emb_base":10000,"rope_theta":500}"""));
        Assert.Contains("rope_theta is 500; supported: the value of rotary_emb_base, or none", Assert.Throws<InputException>(() => ModelLoader.Load(changed.Path)).Message);
    }

    public static TheoryData<string> NamesWithCircuits() => NamesWith("circuits.json");

    [Theory, MemberData(nameof(NamesWithCircuits))]
    public void CircuitsAgree(string family)
    {
        var directory = new FamilyDirectory(family);
        using var device = new HostDevice(2);
        using var model = new Transformer(device, directory.Load());
        var edges = Circuit.Full(model.Graph).Edges.ToDictionary(edge => model.Graph.EdgeName(edge));
        foreach (var (key, ablation) in new[] { ("patching", Ablation.Patching), ("zero", Ablation.Zero) })
        {
            JsonNode[] known = [.. directory.Read("circuits").AsArray().Where(node => node![key] is not null && node["edges"]!.AsArray().Count > 0).Select(node => node!)];
            Circuit[] circuits = [.. known.Select(node => new Circuit(model.Graph, node["edges"]!.AsArray().Select(name => edges[(string)name!])))];
            var results = CircuitEvaluator.Evaluate(model, directory.Examples, circuits, new EvaluationOptions { Ablation = ablation });
            for (var i = 0; i < known.Length; i++) Close.Check(Golden.Numbers(known[i][key]!), results[i].Circuit, 5e-5, $"circuit {i}, {key}, {family}");
        }
    }

    public static TheoryData<string> NamesWithExactScores() => NamesWith("exact.json");

    [Theory, MemberData(nameof(NamesWithExactScores))]
    public void ExactScoresAgree(string family)
    {
        var directory = new FamilyDirectory(family);
        using var device = new HostDevice(2);
        using var model = new Transformer(device, directory.Load());
        var edges = Circuit.Full(model.Graph).Edges.ToDictionary(edge => model.Graph.EdgeName(edge));
        var exact = directory.Read("exact").AsObject();
        var scores = Attributor.Run(model, directory.Examples, new() { Method = "exact" }).Scores.Values;
        Close.Check([.. exact.Select(pair => (double)pair.Value!)], [.. exact.Select(pair => scores[edges[pair.Key].Index])], Tolerance, $"exact, {family}");
    }

    public static TheoryData<string> NamesWithRawScores() => NamesWith("eap-raw.json");

    // Where heads are normed together the library takes their differences before the norm.
    [Theory, MemberData(nameof(NamesWithRawScores))]
    public void TheLibrarysScoresAgree(string family)
    {
        var directory = new FamilyDirectory(family);
        using var device = new HostDevice(2);
        using var model = new Transformer(device, directory.Load());
        foreach (var (file, method) in new[] { ("eap-raw", "eap"), ("eap-ig-5-raw", "eap-ig") })
        {
            var actual = CompatibilityMode.Find("eap-ig").Run(model, directory.Examples, new() { Method = method, Steps = 5 }, batch: 1);
            Close.Check(directory.Scores(file, model.Graph), actual.Scores.Values, Tolerance, $"{file}, {family}");
        }
    }

    // What the published files say beside what transformers 5 writes.
    [Fact]
    public void Gemma2NeedNotNameItsLayers()
    {
        using var changed = new FamilyDirectory("gemma2").With(config =>
        {
            foreach (var key in (string[])["layer_types", "rope_parameters", "hidden_act"]) config.Remove(key);
            config["rope_theta"] = 10000.0;
        });
        using ModelWeights expected = new FamilyDirectory("gemma2").Load(), actual = ModelLoader.Load(changed.Path);
        Assert.Equal([4, null, 4], actual.Config.Windows);
        Assert.Equal(expected.Config with { Windows = actual.Config.Windows }, actual.Config);
    }

    [Theory]
    [InlineData("sliding_window_pattern")]
    [InlineData("_sliding_window_pattern")]
    [InlineData(null)]
    public void Gemma3SpellsItsLayersAndAnglesInTwoWays(string? pattern)
    {
        using var changed = new FamilyDirectory("gemma3_text").With(config =>
        {
            foreach (var key in (string[])["layer_types", "rope_parameters", "sliding_window_pattern", "_sliding_window_pattern"]) config.Remove(key);
            if (pattern is not null) config[pattern] = 6;
            config["rope_theta"] = 1000000.0;
            config["rope_local_base_freq"] = 10000.0;
            config["rope_scaling"] = JsonNode.Parse("""{"rope_type":"linear","factor":8.0}""");
        });
        using var actual = ModelLoader.Load(changed.Path);
        Assert.Equal([4, 4, 4, 4, 4, null], actual.Config.Windows);
        Assert.Equal(new PerLayer<RotaryConfig?>([.. Enumerable.Repeat(new RotaryConfig(10000, 12), 5), new RotaryConfig(1000000, 12) { Scaling = new LinearScaling(8) }]), actual.Config.Rotary);
    }

    /// <summary>As published, and as transformers 5 saves it; the unembedding may be stored beside the embedding that it equals.</summary>
    [Theory]
    [InlineData("language_model.model.", "vision_tower.", null)]
    [InlineData("language_model.model.", "vision_tower.", "lm_head.weight")]
    [InlineData("language_model.model.", "vision_tower.", "language_model.lm_head.weight")]
    [InlineData("model.language_model.", "model.vision_tower.", null)]
    [InlineData("model.language_model.", "model.vision_tower.", "lm_head.weight")]
    [InlineData("model.language_model.", null, null)]
    [InlineData("language_model.model.", null, null)]
    public void OfGemma3WithItsVisionTowerTheTextIsRead(string prefix, string? tower, string? unembedding)
    {
        var text = new FamilyDirectory("gemma3_text");
        using var changed = text.With(config =>
        {
            var described = config.DeepClone().AsObject();
            config.Clear();
            (config["model_type"], config["architectures"], config["text_config"], config["eos_token_id"]) = ("gemma3", new JsonArray("Gemma3ForConditionalGeneration"), described, new JsonArray(1, 106));
        });
        var own = Safetensors.Read(Path.Combine(text.Folder, "model.safetensors")).ToArray();
        var tensors = own.Where(t => t.Name != "lm_head.weight").Select(t => t with { Name = prefix + t.Name["model.".Length..] }).ToList();
        if (tower is not null) tensors.Add(new(tower + "vision_model.post_layernorm.weight", [3], [1, 2, 3]));
        if (unembedding is not null) tensors.Add(own.Single(t => t.Name == "model.embed_tokens.weight") with { Name = unembedding });
        Safetensors.Write(changed.File("model.safetensors"), [.. tensors], StoredType.F32);
        using var device = new HostDevice(2);
        using Transformer expected = new(device, text.Load()), actual = new(device, ModelLoader.Load(changed.Path));
        Assert.Equal(TextGenerator.LastLogits(expected, text.Examples[7].Clean), TextGenerator.LastLogits(actual, text.Examples[7].Clean));
    }

    private static TheoryData<string> NamesWith(string file) =>
        [.. Directory.GetFiles(FamilyDirectory.Root, file, SearchOption.AllDirectories).Select(path => Path.GetFileName(Path.GetDirectoryName(path)!)).Order(StringComparer.Ordinal)];

    /// <summary>Models that are too many to be kept here.</summary>
    [SharedDataTheory("families")]
    [InlineData("olmo")]
    [InlineData("gemma3_text_linear")]
    public void OtherFamiliesAgree(string family)
    {
        var folder = SharedData.Find($"families/{family}")!;
        var directory = new FamilyDirectory(folder, Path.Combine(folder, "edges"), JsonNode.Parse(File.ReadAllText(Path.Combine(folder, "golden.json")))!["examples"]!);
        using var device = new HostDevice(2);
        using var weights = directory.Load();
        using var model = new Transformer(device, weights);
        foreach (var (example, golden) in directory.Examples.Zip(directory.Golden))
        {
            Close.Check(Golden.Numbers(golden["clean_logits"]!), Widened(TextGenerator.LastLogits(model, example.Clean)), Tolerance, $"clean, {family}");
            Close.Check(Golden.Numbers(golden["corrupted_logits"]!), Widened(TextGenerator.LastLogits(model, example.Corrupted)), Tolerance, $"corrupted, {family}");
        }
        Close.Check(directory.Scores("eap", model.Graph), Scoring.Scores(weights, directory.Examples, new() { Method = "eap" }), Tolerance, $"eap, {family}");
        Close.Check(directory.Scores("eap-ig-5", model.Graph), Scoring.Scores(weights, directory.Examples, new() { Method = "eap-ig", Steps = 5 }), Tolerance, $"eap-ig, {family}");
        Close.Check(directory.Scores("eap", model.Graph), OracleRun.Scores(weights, directory.Examples, OracleMethod.Eap), 1e-6, $"oracle, {family}");
    }

    [SharedDataTheory("families")]
    [InlineData("olmo", "clip_qkv", "8.0", "clip_qkv is 8.0; supported: null")]
    [InlineData("olmo", "attention_bias", "true", "attention_bias is true; supported: false")]
    public void WhatOtherFamiliesDoNotSupportIsNamed(string family, string key, string json, string expected)
    {
        var folder = SharedData.Find($"families/{family}")!;
        using var changed = FamilyDirectory.Copy(folder, config => config[key] = JsonNode.Parse(json));
        Assert.Contains(expected, Assert.Throws<InputException>(() => ModelLoader.Load(changed.Path).Dispose()).Message);
    }

    // What "gelu" means in the files of the first Gemma.
    [Fact]
    public void GemmasGeluIsTheTanhForm()
    {
        using var expected = new FamilyDirectory("gemma").Load();
        using var changed = new FamilyDirectory("gemma").With(config =>
        {
            config["hidden_act"] = "gelu";
            config.Remove("hidden_activation");
        });
        using var actual = ModelLoader.Load(changed.Path);
        Assert.Equal(expected.Config, actual.Config);
    }

    private static void Respell(JsonObject config, string json)
    {
        config.Remove("rope_parameters");
        foreach (var (key, value) in JsonNode.Parse(json)!.AsObject()) config[key] = value?.DeepClone();
    }

    private static double[] Widened(float[] values) => Array.ConvertAll(values, value => (double)value);
}
