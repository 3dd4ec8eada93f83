using System.Text.Json;
using System.Text.Json.Nodes;
using Faith.Engine.Models;
using Faith.Kernels;

namespace Faith.Engine.Tests.Oracle;

/// <summary>
/// Writes small models as Hugging Face directories (config.json and model.safetensors, or shards with an index) for the engine to
/// read, and reads them by itself, so that a test of the oracle needs nothing of the engine. Families: gpt2, llama, qwen2.
/// </summary>
public static class HuggingFaceDirectory
{
    /// <summary>
    /// Writes the model to a folder, which is made. Numbers that <paramref name="type"/> cannot store are rounded (see
    /// <see cref="RandomModels.Create"/> for a model that loses nothing).
    /// </summary>
    public static void Write(ModelWeights weights, string path, StoredType type = StoredType.F32, int shards = 1)
    {
        Directory.CreateDirectory(path);
        File.WriteAllText(Path.Combine(path, "config.json"), Config(weights, type).ToJsonString(new() { WriteIndented = true }));

        var tensors = (weights.Config.Family == "gpt2" ? Gpt2Tensors(weights) : LlamaTensors(weights)).ToArray();
        if (shards == 1)
        {
            Safetensors.Write(Path.Combine(path, "model.safetensors"), tensors, type);
            return;
        }

        var map = new JsonObject();
        for (var s = 0; s < shards; s++)
        {
            var file = $"model-{s + 1:00000}-of-{shards:00000}.safetensors";
            var part = tensors[(tensors.Length * s / shards)..(tensors.Length * (s + 1) / shards)];
            Safetensors.Write(Path.Combine(path, file), part, type);
            foreach (var tensor in part) map[tensor.Name] = file;
        }
        var index = new JsonObject
        {
            ["metadata"] = new JsonObject { ["total_size"] = tensors.Sum(t => (long)t.Values.Length * type.Size()) },
            ["weight_map"] = map,
        };
        File.WriteAllText(Path.Combine(path, "model.safetensors.index.json"), index.ToJsonString());
    }

    /// <summary>Reads a folder.</summary>
    public static ModelWeights Read(string path)
    {
        var config = ReadConfig(JsonNode.Parse(File.ReadAllText(Path.Combine(path, "config.json")))!.AsObject());
        var tensors = Directory.GetFiles(path, "*.safetensors").SelectMany(Safetensors.Read).ToDictionary(t => t.Name);
        return config.Family == "gpt2" ? Gpt2Weights(config, tensors) : LlamaWeights(config, tensors);
    }

    private static JsonObject Config(ModelWeights weights, StoredType type)
    {
        var c = weights.Config;
        if (c.ParallelBlocks || c.EmbeddingScale != 1) throw new NotSupportedException("no family that is written here has this");
        var config = new JsonObject
        {
            ["model_type"] = c.Family,
            ["vocab_size"] = c.Vocabulary,
            ["tie_word_embeddings"] = c.TiedEmbedding,
            ["bos_token_id"] = c.BeginToken,
            ["eos_token_id"] = c.EndToken,
            ["torch_dtype"] = type switch { StoredType.F32 => "float32", StoredType.BF16 => "bfloat16", _ => "float16" },
        };
        if (c.Family == "gpt2")
        {
            config["architectures"] = new JsonArray("GPT2LMHeadModel");
            config["activation_function"] = "gelu_new";
            config["n_embd"] = c.Width;
            config["n_head"] = c.Heads;
            config["n_layer"] = c.Layers;
            config["n_inner"] = c.MlpWidth;
            config["n_ctx"] = c.Context;
            config["n_positions"] = c.Context;
            config["layer_norm_epsilon"] = (decimal)c.NormEpsilon;
            return config;
        }

        config["architectures"] = new JsonArray(c.Family == "qwen2" ? "Qwen2ForCausalLM" : "LlamaForCausalLM");
        config["hidden_act"] = "silu";
        config["hidden_size"] = c.Width;
        config["intermediate_size"] = c.MlpWidth;
        config["num_hidden_layers"] = c.Layers;
        config["num_attention_heads"] = c.Heads;
        config["num_key_value_heads"] = c.KeyValueHeads;
        config["head_dim"] = c.HeadDim;
        config["max_position_embeddings"] = c.Context;
        config["rms_norm_eps"] = (decimal)c.NormEpsilon;
        var rotary = c.Rotary![0]!;
        config["rope_theta"] = rotary.Theta;
        if (rotary.Dimensions != c.HeadDim) config["partial_rotary_factor"] = (double)rotary.Dimensions / c.HeadDim;
        if (c.Family == "llama")
        {
            config["attention_bias"] = false;
            config["mlp_bias"] = false;
        }
        if (rotary.Scaling is Llama3Scaling s)
        {
            config["rope_scaling"] = new JsonObject
            {
                ["rope_type"] = "llama3",
                ["factor"] = s.Factor,
                ["low_freq_factor"] = s.LowFrequencyFactor,
                ["high_freq_factor"] = s.HighFrequencyFactor,
                ["original_max_position_embeddings"] = s.OriginalContext,
            };
        }
        return config;
    }

    private static ModelConfig ReadConfig(JsonObject json)
    {
        T Get<T>(string key) => json[key].Deserialize<T>() ?? throw new InvalidDataException(key);

        ModelConfig config;
        if (Get<string>("model_type") == "gpt2")
        {
            config = RandomModels.Gpt2Config(Get<int>("n_layer"), Get<int>("n_head"), Get<int>("n_embd") / Get<int>("n_head"),
                Get<int>("n_inner"), Get<int>("vocab_size"), Get<int>("n_positions"));
            return config with
            {
                NormEpsilon = Get<float>("layer_norm_epsilon"),
                BeginToken = Get<int>("bos_token_id"),
                EndToken = Get<int>("eos_token_id"),
            };
        }

        var headDim = Get<int>("head_dim");
        var scaling = json["rope_scaling"] is { } s
            ? new Llama3Scaling((double)s["factor"]!, (double)s["low_freq_factor"]!, (double)s["high_freq_factor"]!,
                (int)s["original_max_position_embeddings"]!)
            : null;
        config = RandomModels.LlamaConfig(
            Get<int>("num_hidden_layers"), Get<int>("num_attention_heads"), Get<int>("num_key_value_heads"), headDim,
            Get<int>("intermediate_size"), Get<int>("vocab_size"), Get<int>("max_position_embeddings"), Get<bool>("tie_word_embeddings"),
            Get<int>("hidden_size"), Get<double>("rope_theta"), (int)(headDim * ((double?)json["partial_rotary_factor"] ?? 1)), scaling);
        return config with
        {
            Family = Get<string>("model_type"),
            NormEpsilon = Get<float>("rms_norm_eps"),
            BeginToken = Get<int>("bos_token_id"),
            EndToken = Get<int>("eos_token_id"),
        };
    }

    // GPT-2's Conv1D stores [inputs × outputs]; q, k and v are one matrix already.
    private static IEnumerable<StoredTensor> Gpt2Tensors(ModelWeights weights)
    {
        yield return Matrix("transformer.wte.weight", LiteralMatrix.Read(weights.Embedding));
        yield return Matrix("transformer.wpe.weight", LiteralMatrix.Read(weights.Positions!));
        for (var l = 0; l < weights.Layers.Count; l++)
        {
            var (layer, name) = (weights.Layers[l], $"transformer.h.{l}.");
            yield return Vector(name + "ln_1.weight", layer.AttentionNormScale!);
            yield return Vector(name + "ln_1.bias", layer.AttentionNormShift!);
            yield return Matrix(name + "attn.c_attn.weight", LiteralMatrix.Read(layer.QueryKeyValue));
            yield return Vector(name + "attn.c_attn.bias", layer.QueryKeyValueBias!);
            yield return Matrix(name + "attn.c_proj.weight", LiteralMatrix.Read(layer.Output));
            yield return Vector(name + "attn.c_proj.bias", layer.OutputBias!);
            yield return Vector(name + "ln_2.weight", layer.MlpNormScale!);
            yield return Vector(name + "ln_2.bias", layer.MlpNormShift!);
            yield return Matrix(name + "mlp.c_fc.weight", LiteralMatrix.Read(layer.Up));
            yield return Vector(name + "mlp.c_fc.bias", layer.UpBias!);
            yield return Matrix(name + "mlp.c_proj.weight", LiteralMatrix.Read(layer.Down));
            yield return Vector(name + "mlp.c_proj.bias", layer.DownBias!);
        }
        yield return Vector("transformer.ln_f.weight", weights.FinalNormScale);
        yield return Vector("transformer.ln_f.bias", weights.FinalNormShift!);
        if (!weights.Config.TiedEmbedding) yield return Matrix("lm_head.weight", LiteralMatrix.Read(weights.Unembedding));
    }

    private static ModelWeights Gpt2Weights(ModelConfig config, Dictionary<string, StoredTensor> tensors)
    {
        ArrayMatrix Conv1D(string name) =>
            new(tensors[name].Values, tensors[name].Shape[0], tensors[name].Shape[1], storedTransposed: false);
        var embedding = Conv1D("transformer.wte.weight");
        return new ModelWeights
        {
            Config = config,
            Embedding = embedding,
            Positions = Conv1D("transformer.wpe.weight"),
            Layers = Enumerable.Range(0, config.Layers).Select(l => $"transformer.h.{l}.").Select(name => new LayerWeights
            {
                AttentionNormScale = tensors[name + "ln_1.weight"].Values,
                AttentionNormShift = tensors[name + "ln_1.bias"].Values,
                QueryKeyValue = Conv1D(name + "attn.c_attn.weight"),
                QueryKeyValueBias = tensors[name + "attn.c_attn.bias"].Values,
                Output = Conv1D(name + "attn.c_proj.weight"),
                OutputBias = tensors[name + "attn.c_proj.bias"].Values,
                MlpNormScale = tensors[name + "ln_2.weight"].Values,
                MlpNormShift = tensors[name + "ln_2.bias"].Values,
                Up = Conv1D(name + "mlp.c_fc.weight"),
                UpBias = tensors[name + "mlp.c_fc.bias"].Values,
                Down = Conv1D(name + "mlp.c_proj.weight"),
                DownBias = tensors[name + "mlp.c_proj.bias"].Values,
            }).ToArray(),
            FinalNormScale = tensors["transformer.ln_f.weight"].Values,
            FinalNormShift = tensors["transformer.ln_f.bias"].Values,
            Unembedding = embedding,
        };
    }

    // torch.nn.Linear stores [outputs × inputs]; q, k, v, gate and up are matrices of their own.
    private static IEnumerable<StoredTensor> LlamaTensors(ModelWeights weights)
    {
        var c = weights.Config;
        static StoredTensor Linear(string name, double[][] matrix) => Matrix(name, LiteralMatrix.Transpose(matrix));
        (string Name, int Start, int Width)[] heads =
            [("q_proj", 0, c.QueryWidth), ("k_proj", c.QueryWidth, c.KeyWidth), ("v_proj", c.QueryWidth + c.KeyWidth, c.KeyWidth)];

        yield return Matrix("model.embed_tokens.weight", LiteralMatrix.Read(weights.Embedding));
        for (var l = 0; l < weights.Layers.Count; l++)
        {
            var (layer, name) = (weights.Layers[l], $"model.layers.{l}.");
            yield return Vector(name + "input_layernorm.weight", layer.AttentionNormScale!);
            var projection = LiteralMatrix.Read(layer.QueryKeyValue);
            foreach (var part in heads)
            {
                yield return Linear($"{name}self_attn.{part.Name}.weight", LiteralMatrix.Columns(projection, part.Start, part.Width));
                if (layer.QueryKeyValueBias is not { } bias) continue;
                yield return Vector($"{name}self_attn.{part.Name}.bias", bias[part.Start..(part.Start + part.Width)]);
            }
            yield return Linear(name + "self_attn.o_proj.weight", LiteralMatrix.Read(layer.Output));
            yield return Vector(name + "post_attention_layernorm.weight", layer.MlpNormScale!);
            var gateAndUp = LiteralMatrix.Read(layer.Up);
            yield return Linear(name + "mlp.gate_proj.weight", LiteralMatrix.Columns(gateAndUp, 0, c.MlpWidth));
            yield return Linear(name + "mlp.up_proj.weight", LiteralMatrix.Columns(gateAndUp, c.MlpWidth, c.MlpWidth));
            yield return Linear(name + "mlp.down_proj.weight", LiteralMatrix.Read(layer.Down));
        }
        yield return Vector("model.norm.weight", weights.FinalNormScale);
        if (!c.TiedEmbedding) yield return Matrix("lm_head.weight", LiteralMatrix.Read(weights.Unembedding));
    }

    private static ModelWeights LlamaWeights(ModelConfig config, Dictionary<string, StoredTensor> tensors)
    {
        // Rows of stored [outputs × inputs] matrices, one under the other.
        ArrayMatrix Linear(params string[] names) => new(names.SelectMany(name => tensors[name].Values).ToArray(),
            tensors[names[0]].Shape[1], names.Sum(name => tensors[name].Shape[0]), storedTransposed: true);
        ArrayMatrix Rows(string name) => new(tensors[name].Values, tensors[name].Shape[0], tensors[name].Shape[1], storedTransposed: false);
        string[] heads = ["q_proj", "k_proj", "v_proj"];

        var embedding = Rows("model.embed_tokens.weight");
        return new ModelWeights
        {
            Config = config,
            Embedding = embedding,
            Layers = Enumerable.Range(0, config.Layers).Select(l => $"model.layers.{l}.").Select(name => new LayerWeights
            {
                AttentionNormScale = tensors[name + "input_layernorm.weight"].Values,
                QueryKeyValue = Linear(heads.Select(part => $"{name}self_attn.{part}.weight").ToArray()),
                QueryKeyValueBias = tensors.ContainsKey($"{name}self_attn.q_proj.bias")
                    ? heads.SelectMany(part => tensors[$"{name}self_attn.{part}.bias"].Values).ToArray()
                    : null,
                Output = Linear(name + "self_attn.o_proj.weight"),
                MlpNormScale = tensors[name + "post_attention_layernorm.weight"].Values,
                Up = Linear(name + "mlp.gate_proj.weight", name + "mlp.up_proj.weight"),
                Down = Linear(name + "mlp.down_proj.weight"),
            }).ToArray(),
            FinalNormScale = tensors["model.norm.weight"].Values,
            Unembedding = config.TiedEmbedding ? embedding : Rows("lm_head.weight"),
        };
    }

    private static StoredTensor Vector(string name, float[] values) => new(name, [values.Length], values);

    private static StoredTensor Matrix(string name, double[][] matrix) =>
        new(name, [matrix.Length, matrix[0].Length], matrix.SelectMany(row => row).Select(x => (float)x).ToArray());
}
